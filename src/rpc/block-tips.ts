import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import { effectiveGasPrice } from '../protocol/transaction.ts';

/** Steps that are kept of all blocks together: some 20 MB. Most transactions of a block pay one of few tips. */
const MAX_STEPS = 200_000;

/** Gas of a block that was used at one tip. */
interface TipStep {
  /** Wei per gas. */
  readonly tip: bigint;
  /** Gas used at this tip and at lower ones. */
  readonly gasUpTo: bigint;
}

/** What the gas of a block paid, lowest tip first. */
export type TipSteps = readonly TipStep[];

export function tipStepsOf(transactions: readonly IndexedTransaction[], baseFeePerGas: bigint): TipSteps {
  const samples = transactions.map(({ transaction, gasUsed }) => ({
    gasUsed,
    tip: effectiveGasPrice(transaction, baseFeePerGas) - baseFeePerGas,
  }));
  samples.sort((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : 0));
  const steps: TipStep[] = [];
  let gasUpTo = 0n;
  for (const { tip, gasUsed } of samples) {
    gasUpTo += gasUsed;
    if (steps.at(-1)?.tip === tip) steps.pop();
    steps.push({ tip, gasUpTo });
  }
  return steps;
}

/** Tips at ascending percentiles of a block's gas, in order of tip; zeros for an empty block. */
export function rewardsAt(steps: TipSteps, gasUsed: bigint, percentiles: readonly number[]): bigint[] {
  let index = 0;
  return percentiles.map((percentile) => {
    const threshold = BigInt(Math.floor((Number(gasUsed) * percentile) / 100));
    while (index < steps.length - 1 && (steps[index] as TipStep).gasUpTo < threshold) index++;
    return steps[index]?.tip ?? 0n;
  });
}

/**
 * Tips of the blocks that were asked for last: decoding and sorting a full block takes a tenth of a second, and wallets ask
 * for the newest ones all the time.
 */
export class BlockTips {
  /** By the block's hash, the one asked for longest ago first. */
  readonly #byBlock = new Map<string, TipSteps>();
  #count = 0;

  get(hash: string): TipSteps | undefined {
    const steps = this.#byBlock.get(hash);
    if (steps === undefined) return undefined;
    this.#byBlock.delete(hash);
    this.#byBlock.set(hash, steps);
    return steps;
  }

  add(hash: string, steps: TipSteps): void {
    if (this.#byBlock.has(hash)) return;
    this.#byBlock.set(hash, steps);
    // Empty blocks are entries, too.
    this.#count += steps.length + 1;
    for (const [oldest, dropped] of this.#byBlock) {
      if (this.#count <= MAX_STEPS || oldest === hash) return;
      this.#byBlock.delete(oldest);
      this.#count -= dropped.length + 1;
    }
  }
}
