import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import { stateDiffOf } from '../../../src/protocol/compact-diff/row-conversion.ts';
import type { DiffCodec } from '../../../src/protocol/diff-codec.ts';
import type { MiniBlock } from '../../../src/protocol/mini-block.ts';
import { countDiffKeys } from '../../../src/protocol/state-diff.ts';
import { decodeDiff } from '../../../src/protocol/validate-mini-block-contents.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { logMiniBlocks, miniBlocksOf, openLog } from './bench-storage.ts';
import { createLoad, LoadChain, transactionsPerMiniBlock } from './load-chain.ts';
import { type Figure, progress, type StepContext } from './step.ts';
import { timed } from './stopwatch.ts';

const WARM_UP_MINI_BLOCKS = 100;
const MINI_BLOCKS = 500;
const BY_KEY_MINI_BLOCKS = 200;

type Action = 'decode' | 'digest' | 'apply';

/** Leaves the log of a chain from its first key on. */
export async function prepareApply({ sizes, directory }: StepContext): Promise<Figure[]> {
  const load = createLoad('erc20', sizes.holders, 'zipf');
  const chain = new LoadChain(new StateTable());
  const log = await openLog(directory);
  for (const diff of load.setup()) await logMiniBlocks(log, [chain.miniBlock(diff)]);
  progress(`made ${sizes.holders} holders`);
  const transactions = transactionsPerMiniBlock(sizes.transactionsPerSecond);
  for (let i = 0; i < WARM_UP_MINI_BLOCKS + MINI_BLOCKS + BY_KEY_MINI_BLOCKS; i++) {
    await logMiniBlocks(log, [chain.miniBlock(load.next(transactions))]);
  }
  await log.close();
  return [];
}

/** What a replica does with the diff of a mini-block: decode it, check its canonical digest, apply it. */
export async function measureApply({ sizes, directory }: StepContext): Promise<Figure[]> {
  const log = await openLog(directory);
  const records = miniBlocksOf(log);
  const replica = new Replica();
  const setUp = log.lastNumber() - WARM_UP_MINI_BLOCKS - MINI_BLOCKS - BY_KEY_MINI_BLOCKS;
  const unknown = replica.applyAll(await take(records, setUp));
  progress(`new keys: ${describe(unknown)}`);
  replica.applyAll(await take(records, WARM_UP_MINI_BLOCKS));
  const known = replica.applyAll(await take(records, MINI_BLOCKS));
  progress(`known keys: ${describe(known)}`);
  const byKey = replica.applyByKey(await take(records, BY_KEY_MINI_BLOCKS));
  progress(`by key: ${describe(byKey)}`);
  await log.close();

  const perMiniBlock = transactionsPerMiniBlock(sizes.transactionsPerSecond);
  const transactions = MINI_BLOCKS * perMiniBlock;
  return [
    {
      name: 'decode, check the digest, apply: transactions',
      value: transactions / known.seconds,
      unit: 'tx/s',
      target: '1.5M without the digest',
      note: `${perMiniBlock} ERC-20 transfers a mini-block; ${shares(known, transactions, 'a transaction')}`,
    },
    { name: 'the same: keys', value: known.keys / known.seconds, unit: 'keys/s', note: shares(known, known.keys, 'a key') },
    {
      name: 'the same: keys new to the state',
      value: unknown.keys / unknown.seconds,
      unit: 'keys/s',
      note: shares(unknown, unknown.keys, 'a key'),
    },
    {
      name: 'apply a canonical diff, found by key',
      value: byKey.keys / byKey.seconds,
      unit: 'keys/s',
      target: '2M',
      note: 'as a sequencer does, without row numbers from outside',
    },
  ];
}

async function take(records: AsyncIterator<MiniBlock>, count: number): Promise<MiniBlock[]> {
  const taken: MiniBlock[] = [];
  while (taken.length < count) {
    const { value, done } = await records.next();
    if (done) throw new StrobeError('BENCH_FAILED', 'the log ends too early');
    taken.push(value);
  }
  return taken;
}

interface Measured {
  /** Processor time. */
  readonly seconds: number;
  readonly keys: number;
  /** By the clock. */
  readonly ms: Readonly<Record<Action, number>>;
}

/** Applies mini-blocks through the functions that a node uses. */
class Replica {
  readonly #table = new StateTable();
  readonly #codec: DiffCodec;
  readonly #ms: Record<Action, number> = { decode: 0, digest: 0, apply: 0 };
  #keys = 0;

  constructor() {
    const codec = createCompactCodec(this.#table.rows);
    this.#codec = {
      ...codec,
      decode: (payload, position) => this.#during('decode', () => codec.decode(payload, position)),
      digest: (diff) => this.#during('digest', () => codec.digest(diff)),
    };
  }

  applyAll(miniBlocks: readonly MiniBlock[]): Measured {
    Object.assign(this.#ms, { decode: 0, digest: 0, apply: 0 });
    this.#keys = 0;
    const seconds = timed(() => {
      for (const miniBlock of miniBlocks) this.#apply(miniBlock);
    });
    return { seconds, keys: this.#keys, ms: { ...this.#ms } };
  }

  #apply(miniBlock: MiniBlock): void {
    const diff = decodeDiff(miniBlock, this.#codec);
    this.#during('apply', () => this.#table.applyRows(diff, miniBlock.envelope.number));
    this.#keys += diff.accountRows.length + diff.slotRows.length;
  }

  #during<Result>(action: Action, run: () => Result): Result {
    const start = performance.now();
    const result = run();
    this.#ms[action] += performance.now() - start;
    return result;
  }

  /** Applies them as canonical diffs; making these of the messages does not count. */
  applyByKey(miniBlocks: readonly MiniBlock[]): Pick<Measured, 'seconds' | 'keys'> {
    const total = { seconds: 0, keys: 0 };
    for (const miniBlock of miniBlocks) {
      const { number } = miniBlock.envelope;
      const diff = stateDiffOf(decodeDiff(miniBlock, this.#codec), this.#table.rows);
      total.keys += countDiffKeys(diff);
      total.seconds += timed(() => this.#table.apply(diff, number));
    }
    return total;
  }
}

/** Processor time of each action, by its share of the time that the clock shows. */
function shares({ seconds, ms }: Measured, count: number, of: string): string {
  const sum = ms.decode + ms.digest + ms.apply;
  const micros = (part: number): string => (((part / sum) * seconds * 1e6) / count).toFixed(2);
  return `µs ${of}: decode ${micros(ms.decode)}, digest ${micros(ms.digest)}, apply ${micros(ms.apply)}`;
}

function describe({ seconds, keys }: Pick<Measured, 'seconds' | 'keys'>): string {
  return `${Math.round(keys / seconds)} keys/s`;
}
