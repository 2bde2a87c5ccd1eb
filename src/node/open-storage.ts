import { join } from 'node:path';
import type { Logger } from '../observability/logger.ts';
import { createCompactCodec } from '../protocol/compact-codec.ts';
import type { DiffCodec } from '../protocol/diff-codec.ts';
import { genesisHeader } from '../protocol/genesis.ts';
import { decodeLogRecord, encodeSequencerMessage } from '../protocol/log-record.ts';
import { ChainState, HISTORY_BLOCKS } from '../state/chain-state.ts';
import type { StateHistoryFeed } from '../state/state-history-feed.ts';
import { StateTable } from '../state/table/state-table.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { openDataFormat } from '../store/data-format.ts';
import type { IndexedRange } from '../store/log-index/indexed-range.ts';
import { openChainStore } from '../store/open-chain-store.ts';
import { SegmentLog } from '../store/segment-log.ts';
import { assertSigned } from '../store/snapshot/manifest-signatures.ts';
import { SnapshotStore } from '../store/snapshot/snapshot-store.ts';
import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { WitnessStore } from '../store/witness-store.ts';
import { StrobeError } from '../util/errors.ts';
import type { GenesisChain } from './genesis-chain.ts';
import { beginImportedLog } from './imported-log.ts';
import type { Lifecycle } from './lifecycle.ts';
import { openLogIndex } from './log-index-parts.ts';
import { snapshotDirectory } from './snapshot-import.ts';
import { type EmptyState, restoreNewestSnapshot } from './snapshot-restore.ts';
import { authorityOf } from './snapshot-trust.ts';
import { StoredHistory } from './state-history-parts.ts';
import { undoUnlogged } from './unlogged-blocks.ts';
import { VERSION } from './version.ts';

/** Everything that a node keeps of the chain, recovered from its data directory. */
export interface ChainStorage {
  readonly store: ChainStore;
  readonly log: SegmentLog;
  readonly witnesses: WitnessStore;
  readonly state: StateTable;
  readonly chainState: ChainState;
  readonly codec: DiffCodec;
  /** The snapshot that the state was loaded from; undefined: it began at genesis. */
  readonly snapshot: SnapshotManifest | undefined;
  /** Undefined: state is kept in memory only. */
  readonly history: StateHistoryFeed | undefined;
  /** Blocks whose logs are indexed. */
  readonly indexedLogs: IndexedRange;
}

export interface StorageOptions {
  readonly dataDir: string;
  readonly chain: GenesisChain;
  readonly role: 'sequencer' | 'replica';
  readonly durability: 'sync' | 'os';
  /** Length at which a segment of the log is full. */
  readonly logSegmentBytes?: number;
  /** Most blocks that a search for logs spans, and most logs that it finds. */
  readonly logLimits?: { readonly maxLogBlocks: number; readonly maxLogs: number };
  /** Newest blocks whose state can be read; those kept in memory anyway unless given. */
  readonly stateHistory?: number | 'archive';
}

interface StorageModules {
  readonly logger: Logger;
  readonly life: Lifecycle;
}

type StateModules = Pick<ChainStorage, 'store' | 'log'> &
  Pick<StorageModules, 'logger'> & { readonly stored: StoredHistory | undefined };

type LogModules = Pick<ChainStorage, 'store' | 'log'>;

/** Bytes of witnesses kept for provers and replicas that come late; the oldest go first. */
const MAX_WITNESS_BYTES = 8 * 1024 * 1024 * 1024;

/**
 * Opens the data directory and loads the newest snapshot of the state; the log from there is the role's to replay.
 * @throws StrobeError the codes of the parts that are opened: LOCKED, LOG_CORRUPT, VERSION_NOT_SUPPORTED, …
 */
export async function openStorage(options: StorageOptions, modules: StorageModules): Promise<ChainStorage> {
  const { dataDir, chain, role } = options;
  const { logger, life } = modules;
  const { genesisHash } = chain.identity;
  await openDataFormat(dataDir, genesisHash, { role, version: VERSION });
  const log = await openLog(options, modules);
  const { genesis, stateRoot } = chain;
  const logIndex = await openLogIndex(dataDir, modules);
  const store = await openChainStore(
    {
      ...{ directory: chainDirectory(dataDir), chainId: genesis.chainId, genesisHeader: genesisHeader(genesis, stateRoot) },
      ...options.logLimits,
    },
    { log, logger, logIndex: logIndex.reader },
  );
  life.onStop('chain store', () => store.close());
  // A sequencer's blocks are its own: whatever the log lacks of them has to come back.
  if (role === 'replica') await undoUnlogged({ store, log, logger });
  const witnesses = await WitnessStore.open({ directory: join(dataDir, 'witnesses'), maxBytes: MAX_WITNESS_BYTES });
  const { stateHistory = HISTORY_BLOCKS } = options;
  const stored = await StoredHistory.open({ dataDir, stateHistory }, { store, logger, life });
  const { state, snapshot } = await restoreState(options, { store, log, logger, stored });
  await beginImportedLog({ store, log, snapshot, logger });
  await restoreSeal({ store, log, logger });
  const head = snapshot?.head ?? { epoch: 0, number: 0, digest: genesisHash, timestampUs: 0 };
  const blockNumber = snapshot?.header.number ?? 0;
  const history = await stored?.follow(state, { blockNumber, lastNumber: head.number, lastDigest: head.digest });
  const chainState = new ChainState(
    { ...head, blockNumber, open: undefined },
    { epochStarts: snapshot?.epochStarts ?? [] },
    { state, chain: store, history },
  );
  const codec = createCompactCodec(state.rows);
  return { store, log, witnesses, state, chainState, codec, snapshot, indexedLogs: logIndex.range, history };
}

/** Where the chain's database lies: threads that share it open it under the very same path. */
export function chainDirectory(dataDir: string): string {
  return join(dataDir, 'chain');
}

async function openLog(options: StorageOptions, { logger, life }: StorageModules): Promise<SegmentLog> {
  const { dataDir, chain, durability, logSegmentBytes } = options;
  const { log, recovery } = await SegmentLog.open({
    directory: join(dataDir, 'log'),
    genesisHash: chain.identity.genesisHash,
    durability,
    ...(logSegmentBytes === undefined ? {} : { segmentBytes: logSegmentBytes }),
  });
  life.onStop('log', () => log.close());
  if (recovery.truncatedBytes > 0) {
    logger.warn({ bytes: recovery.truncatedBytes }, 'a torn tail was cut from the log');
  }
  return log;
}

/**
 * The state of the newest snapshot that is whole, signed and of a block that is stored, or of genesis.
 * @throws StrobeError SNAPSHOT_MISSING when the chain here begins above that
 */
async function restoreState(
  { dataDir, chain }: StorageOptions,
  { logger, store, log, stored }: StateModules,
): Promise<{ state: StateTable; snapshot: SnapshotManifest | undefined }> {
  const { genesisHash } = chain.identity;
  const snapshots = await SnapshotStore.open({ directory: snapshotDirectory(dataDir), genesisHash });
  await removeUnreached(snapshots, { store, log, logger });
  const newest = await newestUsable(snapshots, { store, log, stored });
  const restored = await restoreNewestSnapshot(emptyState, {
    store: snapshots,
    logger,
    isUsable: ({ manifest }) => manifest.header.number <= newest,
    check: ({ manifest, path }) => assertSigned(manifest, authorityOf(chain), path),
  });
  assertReached(restored?.manifest.head.number ?? 0, { store, log, dataDir });
  if (restored !== undefined) {
    const { header, stateBytes } = restored.manifest;
    logger.info({ block: header.number, bytes: stateBytes }, 'loaded a snapshot of the state');
    return { state: restored.state, snapshot: restored.manifest };
  }
  const state = new StateTable();
  state.apply(chain.genesis.allocation, 0);
  return { state, snapshot: undefined };
}

/**
 * The newest block whose snapshot a start may go on from. One that the history of the state reaches is preferred to a newer
 * one, as long as the log has what lies between: else the history would have a gap.
 */
async function newestUsable(snapshots: SnapshotStore, { store, log, stored }: Omit<StateModules, 'logger'>): Promise<number> {
  const head = store.sealedHead().header.number;
  const reached = Math.min(head, stored?.newest ?? head);
  const entries = (await snapshots.list()).snapshots;
  const isPreferred = entries.some(
    ({ manifest }) => manifest.header.number <= reached && manifest.head.number >= firstNeeded({ store, log }),
  );
  return isPreferred ? reached : head;
}

/** A chain that went back below a snapshot, and an import that was broken off, leave one of a block that nothing here leads to. */
async function removeUnreached(snapshots: SnapshotStore, { store, log, logger }: Omit<StateModules, 'stored'>): Promise<void> {
  const { lastMiniBlock, header } = store.sealedHead();
  const reach = Math.max(lastMiniBlock, log.lastNumber());
  const blocks = (await snapshots.list()).snapshots.map(({ manifest }) => ({ ...manifest.head, block: manifest.header.number }));
  const unreached = blocks.filter(({ number }) => number > reach).map(({ block }) => block);
  if (unreached.length === 0) return;
  const reached = blocks.filter(({ number }) => number <= reach).map(({ block }) => block);
  await snapshots.removeAbove(Math.max(header.number, ...reached));
  logger.warn({ blocks: unreached, head: header.number }, 'removed snapshots of blocks that this chain does not have');
}

/** Replay goes on from the state's mini-block, so the log has to reach back to it. */
function assertReached(stateNumber: number, { store, log, dataDir }: LogModules & { dataDir: string }): void {
  const first = firstNeeded({ store, log });
  // In front of mini-block 1 there is nothing that could be missed.
  if (first <= 1 || stateNumber >= first) return;
  throw new StrobeError(
    'SNAPSHOT_MISSING',
    `the chain in ${dataDir} begins at mini-block ${first} and no whole snapshot of the state reaches there: import one, ` +
      'or let a replica start anew without its data',
    { dataDir, first, stateNumber },
  );
}

/** Replay begins here or above. */
function firstNeeded({ store, log }: LogModules): number {
  return Math.max(store.base.lastMiniBlock, log.firstNumber() ?? 0);
}

function emptyState(): EmptyState<StateTable> {
  const state = new StateTable();
  return { state, loader: state.loader() };
}

/** A cut tail may have taken a seal that the store kept: it goes back into the log from there, byte for byte. */
async function restoreSeal({ store, log, logger }: Omit<StateModules, 'stored'>): Promise<void> {
  const { lastMiniBlock, seal } = store.sealedHead();
  // Without its mini-blocks it has no place in the log; whoever replays that says so.
  if (seal === undefined || log.lastNumber() < lastMiniBlock) return;
  for await (const { number, bytes } of log.read(lastMiniBlock)) {
    if (number > lastMiniBlock || decodeLogRecord(bytes).kind === 'blockSeal') return;
  }
  await log.append([{ number: lastMiniBlock, bytes: encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal }) }]);
  logger.warn({ block: seal.header.number }, 'the seal of the stored head was missing from the log and is there again');
}
