import { stateRootOf } from '../state/state-root.ts';
import { StateTable } from '../state/table/state-table.ts';
import { assertSigned, type SnapshotAuthority } from '../store/snapshot/manifest-signatures.ts';
import { loadSnapshot, type SnapshotFile } from '../store/snapshot/snapshot-file.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { GenesisChain } from './genesis-chain.ts';

/** The chain as its genesis file has it. */
export function authorityOf({ identity, genesis }: GenesisChain): SnapshotAuthority {
  return { identity, sequencerKeys: genesis.sequencerKeys };
}

/**
 * Checks all that can be checked of a snapshot without the chain's history: every byte, that it is of this chain, that a
 * sequencer of it signed the block, and that the state is the one that the block's state root and registry digest name.
 * Takes the memory that the state takes on a node, and its tries.
 * @throws StrobeError INVALID_SNAPSHOT, GENESIS_MISMATCH, STATE_ROOT_MISMATCH, SNAPSHOT_FAILED
 */
export async function assertTrustworthy(file: SnapshotFile, chain: GenesisChain): Promise<void> {
  assertSigned(file.manifest, authorityOf(chain), file.path);
  const state = new StateTable();
  await loadSnapshot(file, state.loader());
  const { number, stateRoot } = file.manifest.header;
  const found = stateRootOf(state);
  if (bytesEqual(found, stateRoot)) return;
  throw new StrobeError(
    'STATE_ROOT_MISMATCH',
    `the snapshot ${file.path} cannot be used: its state does not have the state root of block ${number}`,
    { file: file.path, found: toHex(found), sealed: toHex(stateRoot) },
  );
}
