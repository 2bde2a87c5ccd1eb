import { join } from 'node:path';
import { type RestoredState, restoreNewestSnapshot } from '../../../src/node/snapshot-restore.ts';
import { decodeLogRecord, encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import type { MiniBlock } from '../../../src/protocol/mini-block.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import { SnapshotStore } from '../../../src/store/snapshot/snapshot-store.ts';
import { invariant, StrobeError } from '../../../src/util/errors.ts';
import { CHAIN_ID, GENESIS, GENESIS_HASH } from './bench-genesis.ts';

/** All of it may wait to be written: what is measured is the disk and not the bound. */
const MAX_QUEUED_BYTES = 1024 * 1024 * 1024;

function openSnapshots(directory: string): Promise<SnapshotStore> {
  return SnapshotStore.open({ directory: join(directory, 'snapshots'), genesisHash: GENESIS_HASH });
}

/** Writes the newest state of `table` as that of block 0. */
export async function writeSnapshot(table: StateTable, directory: string): Promise<void> {
  const snapshot = table.snapshot(table.number);
  if (snapshot === undefined) throw new StrobeError('BENCH_FAILED', 'the newest state cannot be read');
  const store = await openSnapshots(directory);
  await store.write(
    {
      genesisHash: GENESIS_HASH,
      chainId: CHAIN_ID,
      head: { epoch: 0, number: 0, digest: GENESIS_HASH, timestampUs: 0 },
      seal: undefined,
      headers: [GENESIS],
      epochStarts: [],
    },
    { number: 0, mark: snapshot.mark, chunks: (chunkBytes) => snapshot.chunks(chunkBytes) },
  );
}

/** Loads the snapshot as a node does. */
export async function restoreState(directory: string): Promise<RestoredState<StateTable>> {
  const newState = () => {
    const state = new StateTable();
    return { state, loader: state.loader() };
  };
  const store = await openSnapshots(directory);
  const restored = await restoreNewestSnapshot(newState, { store, logger: console });
  if (restored === undefined) throw new StrobeError('BENCH_FAILED', 'the snapshot is damaged');
  return restored;
}

export async function openLog(directory: string): Promise<SegmentLog> {
  const { log } = await SegmentLog.open({
    directory: join(directory, 'log'),
    genesisHash: GENESIS_HASH,
    durability: 'sync',
    maxQueuedBytes: MAX_QUEUED_BYTES,
  });
  return log;
}

export function logMiniBlocks(log: SegmentLog, miniBlocks: readonly MiniBlock[]): Promise<void> {
  return log.append(
    miniBlocks.map((miniBlock) => ({
      number: miniBlock.envelope.number,
      bytes: encodeSequencerMessage({ kind: 'miniBlock', miniBlock }),
    })),
  );
}

/** All mini-blocks of a log that has nothing else. */
export async function* miniBlocksOf(log: SegmentLog): AsyncGenerator<MiniBlock, void, undefined> {
  for await (const { bytes } of log.read(1)) {
    const record = decodeLogRecord(bytes);
    invariant(record.kind === 'miniBlock', 'the log has mini-blocks only');
    yield record.miniBlock;
  }
}
