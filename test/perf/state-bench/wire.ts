import { encodeMiniBlock } from '../../../src/protocol/mini-block.ts';
import type { StateDiff } from '../../../src/protocol/state-diff.ts';
import type { LoadKind } from '../../support/synthetic-load.ts';
import { createLoad, LoadChain, setUpTable, transactionsPerMiniBlock } from './load-chain.ts';
import { type Figure, progress, type StepContext } from './step.ts';

const WARM_UP_MINI_BLOCKS = 50;
const MINI_BLOCKS = 100;

interface WireCase {
  readonly kind: LoadKind;
  readonly name: string;
  /** Bytes a transaction that were published for state diffs as they are. */
  readonly raw: number;
  readonly targets: ReadonlyMap<number, string>;
}

const CASES: readonly WireCase[] = [
  {
    kind: 'erc20',
    name: 'ERC-20 transfer',
    raw: 200,
    targets: new Map([
      [1_000, '22'],
      [10_000, '16'],
      [100_000, '13'],
    ]),
  },
  {
    kind: 'swap',
    name: 'Uniswap V2 swap',
    raw: 624,
    targets: new Map([
      [1_000, '64 to 74'],
      [10_000, 'none'],
      [100_000, '27 to 35'],
    ]),
  },
];

/** Bytes of a transaction in the compact form of state diffs. */
export function measureWire({ sizes }: StepContext): Figure[] {
  return CASES.flatMap(({ kind, name, raw, targets }) => {
    const load = createLoad(kind, sizes.holders, 'zipf');
    const chain = new LoadChain(setUpTable(load));
    return [...targets].map(([rate, target]): Figure => {
      const transactions = transactionsPerMiniBlock(rate);
      const { diff, envelope } = bytesOf(chain, () => load.next(transactions));
      const each = diff / transactions;
      const all = (diff + envelope) / transactions;
      progress(`${name}, ${rate} tx/s: ${each.toFixed(1)} bytes`);
      return {
        name: `${name} at ${rate.toLocaleString('en')} tx/s`,
        value: each,
        unit: 'bytes/tx',
        target,
        note: `raw ${raw}: ${(raw / each).toFixed(1)} times; ${all.toFixed(1)} with the signed envelope`,
      };
    });
  });
}

/** Bytes of a mini-block, on average. */
function bytesOf(chain: LoadChain, next: () => StateDiff): { readonly diff: number; readonly envelope: number } {
  let diff = 0;
  let envelope = 0;
  for (let i = -WARM_UP_MINI_BLOCKS; i < MINI_BLOCKS; i++) {
    const miniBlock = chain.miniBlock(next());
    if (i < 0) continue;
    diff += miniBlock.diffPayload.length;
    envelope += encodeMiniBlock(miniBlock).length - miniBlock.diffPayload.length - miniBlock.bodyPayload.length;
  }
  return { diff: diff / MINI_BLOCKS, envelope: envelope / MINI_BLOCKS };
}
