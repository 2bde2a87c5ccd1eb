import { join } from 'node:path';
import type { Logger } from '../observability/logger.ts';
import { canonicalDiffCodec, type DiffCodec } from '../protocol/diff-codec.ts';
import { genesisHeader } from '../protocol/genesis.ts';
import { decodeLogRecord, encodeSequencerMessage } from '../protocol/log-record.ts';
import { ChainState, type MiniBlockHead } from '../state/chain-state.ts';
import { FlatState } from '../state/flat-state.ts';
import { Registry } from '../state/registry.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { openChainStore } from '../store/open-chain-store.ts';
import { SegmentLog } from '../store/segment-log.ts';
import { WitnessStore } from '../store/witness-store.ts';
import type { GenesisChain } from './genesis-chain.ts';
import type { Lifecycle } from './lifecycle.ts';

/** How diffs travel and lie in the log. */
export const DIFF_CODEC: DiffCodec = canonicalDiffCodec;

/** Everything that a node keeps of the chain, recovered from its data directory. */
export interface ChainStorage {
  readonly store: ChainStore;
  readonly log: SegmentLog;
  readonly witnesses: WitnessStore;
  readonly state: FlatState;
  readonly chainState: ChainState;
}

/** Bytes of witnesses kept for provers and replicas that come late; the oldest go first. */
const MAX_WITNESS_BYTES = 8 * 1024 * 1024 * 1024;

/**
 * Opens the data directory and loads the state of the sealed head; the tail of the log is the role's to replay.
 * @throws StrobeError the codes of the parts that are opened: LOCKED, LOG_CORRUPT, …
 */
export async function openStorage(
  options: { readonly dataDir: string; readonly chain: GenesisChain; readonly durability: 'sync' | 'os' },
  modules: { readonly logger: Logger; readonly life: Lifecycle },
): Promise<ChainStorage> {
  const { dataDir, chain, durability } = options;
  const { logger, life } = modules;
  const { log, recovery } = await SegmentLog.open({
    directory: join(dataDir, 'log'),
    genesisHash: chain.identity.genesisHash,
    durability,
  });
  life.onStop('log', () => log.close());
  if (recovery.truncatedBytes > 0) {
    logger.warn({ bytes: recovery.truncatedBytes }, 'a torn tail was cut from the log');
  }
  const { genesis, stateRoot } = chain;
  const store = await openChainStore(
    {
      directory: join(dataDir, 'chain'),
      chainId: genesis.chainId,
      genesisHeader: genesisHeader(genesis, stateRoot),
      allocation: genesis.allocation,
    },
    { log, logger },
  );
  life.onStop('chain store', () => store.close());
  await restoreSeal({ store, log, logger });
  const witnesses = await WitnessStore.open({ directory: join(dataDir, 'witnesses'), maxBytes: MAX_WITNESS_BYTES });
  const state = new FlatState();
  for await (const diff of store.loadState()) state.apply(diff);
  const registry = await loadRegistry(store, chain);
  const chainState = new ChainState(await storedHead(store), { state, registry, chain: store });
  return { store, log, witnesses, state, chainState };
}

/** A cut tail may have taken a seal that the store kept: it goes back into the log from there, byte for byte. */
async function restoreSeal({
  store,
  log,
  logger,
}: Pick<ChainStorage, 'store' | 'log'> & { readonly logger: Logger }): Promise<void> {
  const { lastMiniBlock, seal } = store.sealedHead();
  // Without its mini-blocks it has no place in the log; whoever replays that says so.
  if (seal === undefined || log.lastNumber() < lastMiniBlock) return;
  for await (const { number, bytes } of log.read(lastMiniBlock)) {
    if (number > lastMiniBlock || decodeLogRecord(bytes).kind === 'blockSeal') return;
  }
  await log.append([{ number: lastMiniBlock, bytes: encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal }) }]);
  logger.warn({ block: seal.header.number }, 'the seal of the stored head was missing from the log and is there again');
}

async function loadRegistry(store: ChainStore, { genesis }: GenesisChain): Promise<Registry> {
  const registry = new Registry();
  const stored = await store.loadRegistry();
  if (stored === undefined) registry.commit(genesis.allocation);
  else registry.load(stored.rows, stored.digest);
  return registry;
}

/** The newest mini-block of the sealed head, from which the log's tail goes on. */
async function storedHead(store: ChainStore): Promise<MiniBlockHead> {
  const { lastMiniBlock, lastDigest, seal } = store.sealedHead();
  if (seal === undefined) return { epoch: 0, number: 0, digest: lastDigest, timestampUs: 0 };
  const applied = await store.miniBlock(lastMiniBlock);
  // A log that lost it ends below the stored head: the block's second is all that is left of its time.
  const { epoch, timestampUs } = applied?.miniBlock.envelope ?? {
    epoch: seal.epoch,
    timestampUs: seal.header.timestamp * 1_000_000,
  };
  return { epoch, number: lastMiniBlock, digest: lastDigest, timestampUs };
}
