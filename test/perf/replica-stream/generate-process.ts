import { parseGenesis } from '../../../src/protocol/genesis.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { SyntheticLoad } from '../../support/synthetic-load.ts';
import { StreamBuilder } from './stream-builder.ts';
import { StreamWriter } from './stream-file.ts';
import {
  miniBlocksPerBlock,
  parseStreamOptions,
  type StreamOptions,
  toFlags,
  transactionsPerMiniBlock,
} from './stream-options.ts';
import { StreamState } from './stream-state.ts';

// Makes a stream and ends: what it takes of memory and time does not touch the measurement.

/** Those that make the holders are ten times as long as the others. */
const SETUP_MINI_BLOCKS_PER_BLOCK = 5;
/** How often it says how far it is. */
const PROGRESS_MS = 5_000;

interface Totals {
  lastSetUp: number;
  lastMiniBlock: number;
  transactions: number;
  diffBytes: number;
  messageBytes: number;
}

function generate(options: StreamOptions): void {
  const { folder, holders, seconds, seed } = options;
  // Its genesis and keys will do; the chain is our own.
  const { genesisFile, sequencer } = new ChainBuilder({ accounts: 1, name: 'replica stream' });
  const genesis = parseGenesis(genesisFile);
  const state = new StreamState(genesis.allocation);
  const builder = new StreamBuilder(genesis, { state, signer: sequencer });
  const transactions = transactionsPerMiniBlock(options);
  const load = new SyntheticLoad({ kind: 'erc20', holders, transactions, choice: 'zipf', seed });
  const writer = new StreamWriter(folder);
  writer.add(builder.epochStart());
  const totals: Totals = { lastSetUp: 0, lastMiniBlock: 0, transactions: 0, diffBytes: 0, messageBytes: 0 };
  for (const diff of load.setup()) {
    writer.add(builder.miniBlock(diff).message);
    totals.lastSetUp++;
    if (builder.openMiniBlocks === SETUP_MINI_BLOCKS_PER_BLOCK) writer.add(builder.seal());
  }
  if (builder.openMiniBlocks > 0) writer.add(builder.seal());
  const perBlock = miniBlocksPerBlock(options);
  addMeasured({ load, builder, writer, totals }, { blocks: seconds, perBlock, transactions });
  writer.finish({ flags: toFlags(options), genesis: genesisFile, ...totals });
}

function addMeasured(
  parts: { load: SyntheticLoad; builder: StreamBuilder; writer: StreamWriter; totals: Totals },
  { blocks, perBlock, transactions }: { blocks: number; perBlock: number; transactions: number },
): void {
  const { load, builder, writer, totals } = parts;
  const count = blocks * perBlock;
  let sayAt = performance.now() + PROGRESS_MS;
  for (let i = 1; i <= count; i++) {
    const { message, diffBytes } = builder.miniBlock(load.next());
    writer.add(message);
    totals.transactions += transactions;
    totals.diffBytes += diffBytes;
    totals.messageBytes += message.length;
    if (builder.openMiniBlocks === perBlock) writer.add(builder.seal());
    if (performance.now() < sayAt) continue;
    sayAt = performance.now() + PROGRESS_MS;
    console.log(`made ${i} of ${count} mini-blocks`);
  }
  totals.lastMiniBlock = totals.lastSetUp + count;
}

generate(parseStreamOptions(process.argv.slice(2)));
