import type { SyntheticLoad } from '../../support/synthetic-load.ts';
import { logMiniBlocks, openLog, writeSnapshot } from './bench-storage.ts';
import { createLoad, LoadChain, MINI_BLOCKS_PER_SECOND, setUpTable, transactionsPerMiniBlock } from './load-chain.ts';
import { type Figure, progress, type StepContext } from './step.ts';

/** Records that share a sync of the log. */
const GROUP = 100;

/** Leaves a snapshot. */
export async function prepareState(context: StepContext): Promise<Figure[]> {
  await writeSnapshot(setUpTable(erc20Load(context)), context.directory);
  return [];
}

/** Leaves a snapshot and the log of the mini-blocks behind it, as a process that is killed does. */
export async function prepareChain(context: StepContext): Promise<Figure[]> {
  const { sizes, directory } = context;
  const load = erc20Load(context);
  const transactions = transactionsPerMiniBlock(sizes.transactionsPerSecond);
  const table = setUpTable(load);
  await writeSnapshot(table, directory);
  const chain = new LoadChain(table);
  // Never closed: the mark of a clean shutdown is missing.
  const log = await openLog(directory);
  for (let made = 0; made < sizes.logSeconds * MINI_BLOCKS_PER_SECOND; made += GROUP) {
    await logMiniBlocks(
      log,
      Array.from({ length: GROUP }, () => chain.miniBlock(load.next(transactions))),
    );
  }
  progress(`wrote ${(log.bytes / 1e6).toFixed(1)} MB of log`);
  return [];
}

/** Half of the keys are accounts, the others their slots in one token. */
function erc20Load({ sizes }: StepContext): SyntheticLoad {
  return createLoad('erc20', Math.ceil(sizes.keys / 2), 'zipf');
}
