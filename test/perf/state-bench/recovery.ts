import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import { decodeDiff } from '../../../src/protocol/validate-mini-block-contents.ts';
import { ArenaStateTrie } from '../../../src/state/arena/arena-state-trie.ts';
import type { StateTable } from '../../../src/state/table/state-table.ts';
import type { SegmentLog } from '../../../src/store/segment-log.ts';
import { invariant, StrobeError } from '../../../src/util/errors.ts';
import { miniBlocksOf, openLog, restoreState } from './bench-storage.ts';
import { fillTrie } from './fill-trie.ts';
import { MINI_BLOCKS_PER_SECOND, transactionsPerMiniBlock } from './load-chain.ts';
import { type Figure, progress, type StepContext } from './step.ts';
import { elapsed } from './stopwatch.ts';

/** From the files that a killed node leaves to its newest state, in a fresh process. */
export async function measureRecovery({ sizes, directory }: StepContext): Promise<Figure[]> {
  const found: { state?: StateTable; log?: SegmentLog } = {};
  const loadSeconds = await elapsed(async () => {
    found.state = (await restoreState(directory)).state;
  });
  progress(`snapshot loaded in ${loadSeconds.toFixed(2)} s`);
  const openSeconds = await elapsed(async () => {
    found.log = await openLog(directory);
  });
  const { state, log } = found;
  invariant(state !== undefined && log !== undefined, 'both are there');
  const { accounts, slots } = state.mark();
  const replaySeconds = await elapsed(() => replay(log, state));
  const count = sizes.logSeconds * MINI_BLOCKS_PER_SECOND;
  if (state.number !== count) throw new StrobeError('BENCH_FAILED', 'the log was not replayed to its end');
  const logBytes = log.bytes;
  await log.close();
  progress(`log replayed in ${replaySeconds.toFixed(2)} s`);
  const trieSeconds = await elapsed(() => fillTrie(new ArenaStateTrie(), state));
  const keys = accounts + slots;
  const transactions = transactionsPerMiniBlock(sizes.transactionsPerSecond) * count;
  return [
    {
      name: `recovery: ${(keys / 1e6).toFixed(2)}M keys and ${sizes.logSeconds} s of log`,
      value: loadSeconds + openSeconds + replaySeconds,
      unit: 's',
      target: 'about 1 (sum of the next)',
      note: `at ${sizes.transactionsPerSecond.toLocaleString('en')} ERC-20 transfers/s, after a kill`,
    },
    {
      name: 'of it: load the snapshot',
      value: loadSeconds,
      unit: 's',
      target: '0.36 µs a key',
      note: `${((loadSeconds / keys) * 1e6).toFixed(2)} µs a key`,
    },
    {
      name: 'of it: open and check the log',
      value: openSeconds,
      unit: 's',
      note: `${(logBytes / 1e6).toFixed(1)} MB, ${count.toLocaleString('en')} mini-blocks`,
    },
    {
      name: 'of it: replay the log',
      value: replaySeconds,
      unit: 's',
      target: '0.58 µs a transaction',
      note: `${((replaySeconds / transactions) * 1e6).toFixed(2)} µs a transaction`,
    },
    {
      name: 'on top for a sequencer: fill the trie',
      value: trieSeconds,
      unit: 's',
      note: `${((trieSeconds / keys) * 1e6).toFixed(2)} µs a key`,
    },
  ];
}

async function replay(log: SegmentLog, state: StateTable): Promise<void> {
  const codec = createCompactCodec(state.rows);
  for await (const miniBlock of miniBlocksOf(log)) {
    state.applyRows(decodeDiff(miniBlock, codec), miniBlock.envelope.number);
  }
}
