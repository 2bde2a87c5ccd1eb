import type { ChainIdentity } from '../../protocol/genesis.ts';
import type { SequencerMessage } from '../../protocol/log-record.ts';
import type { Address } from '../../protocol/primitives.ts';
import { epochOf, isSequencerSigned } from '../../protocol/validate-sequencer-message.ts';
import { assertGenesis } from './snapshot-directory.ts';
import { invalidSnapshot } from './snapshot-errors.ts';
import type { SnapshotManifest } from './snapshot-types.ts';

/** The chain that a snapshot has to be of, and who signs there. */
export interface SnapshotAuthority {
  readonly identity: ChainIdentity;
  /** Keys that may sign as sequencer. */
  readonly sequencerKeys: readonly Address[];
}

/**
 * Checks that a sequencer of the chain signed every epoch, the last mini-block and the seal of a manifest, each with the
 * key of its epoch. The seal covers the header with its state root, and the registry.
 * @throws StrobeError GENESIS_MISMATCH, INVALID_SNAPSHOT
 */
export function assertSigned(manifest: SnapshotManifest, authority: SnapshotAuthority, file: string): void {
  const { epochStarts, last, seal, chainId } = manifest;
  const { identity, sequencerKeys } = authority;
  assertGenesis(file, manifest, identity.genesisHash);
  if (chainId !== identity.chainId) throw invalidSnapshot(file, `its chain id is ${chainId}`);
  const assertOne = (message: SequencerMessage, what: string): void => {
    const epoch = epochOf(message);
    const epochKey = epochStarts.find((start) => start.epoch === epoch)?.sequencerKey;
    if (isSequencerSigned(message, { identity, sequencerKeys, epoch, epochKey })) return;
    throw invalidSnapshot(file, `${what} is not signed by the sequencer`);
  };
  for (const epochStart of epochStarts) assertOne({ kind: 'epochStart', epochStart }, `the start of epoch ${epochStart.epoch}`);
  if (last !== undefined) assertOne({ kind: 'miniBlock', miniBlock: last }, 'its last mini-block');
  if (seal !== undefined) assertOne({ kind: 'blockSeal', blockSeal: seal }, 'its seal');
}
