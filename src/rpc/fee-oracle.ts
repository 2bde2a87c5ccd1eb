import { nextBaseFee } from '../protocol/block-header.ts';
import type { Block, ChainReader, IndexedTransaction, OpenBlock } from '../protocol/ports/chain.ts';
import { effectiveGasPrice } from '../protocol/transaction.ts';
import { isSealed } from './block-param.ts';

/** Suggested while blocks have room, wei per gas: order is by arrival unless they are full (op-geth suggests the same). */
const MIN_TIP_WEI = 1_000_000n;
/** A block fuller than this says that tips matter, percent of the gas limit. */
const FULL_BLOCK_PERCENT = 90n;

/** Fees of one block in the terms of eth_feeHistory. */
export interface BlockFees {
  readonly baseFeePerGas: bigint;
  readonly gasUsed: bigint;
  readonly gasLimit: bigint;
  readonly transactions: readonly IndexedTransaction[];
}

/** Suggests fees from the newest blocks. */
export class FeeOracle {
  readonly #baseFeeFloorWei: bigint;
  readonly #chain: ChainReader;

  constructor(options: { baseFeeFloorWei: bigint }, modules: { chain: ChainReader }) {
    this.#baseFeeFloorWei = options.baseFeeFloorWei;
    this.#chain = modules.chain;
  }

  /** Base fee that a transaction sent now will meet: of the open block, else of the one after the head. */
  currentBaseFee(): bigint {
    return this.#chain.openBlock()?.env.baseFeePerGas ?? this.baseFeeAfter(this.#chain.head().header);
  }

  baseFeeAfter(block: Pick<BlockFees, 'baseFeePerGas' | 'gasUsed' | 'gasLimit'>): bigint {
    return nextBaseFee(block, this.#baseFeeFloorWei);
  }

  /** The median tip of the head when it was full, and a tenth more; else the least. */
  async suggestTip(): Promise<bigint> {
    const { header } = this.#chain.head();
    if (header.gasUsed * 100n < header.gasLimit * FULL_BLOCK_PERCENT) return MIN_TIP_WEI;
    const block = await this.#chain.blockByNumber(header.number);
    if (block === undefined) return MIN_TIP_WEI;
    const [median = 0n] = rewardsAt(feesOf(block), [50]);
    const raised = (median * 11n) / 10n;
    return raised > MIN_TIP_WEI ? raised : MIN_TIP_WEI;
  }
}

export function feesOf(block: Block | OpenBlock): BlockFees {
  const { transactions } = block;
  if (!isSealed(block)) {
    const { baseFeePerGas, gasLimit } = block.env;
    return { baseFeePerGas, gasLimit, gasUsed: block.gasUsed, transactions };
  }
  const { baseFeePerGas, gasLimit, gasUsed } = block.header;
  return { baseFeePerGas, gasLimit, gasUsed, transactions };
}

/** Tips at ascending percentiles of a block's gas, in order of tip; zeros for an empty block. */
export function rewardsAt(fees: BlockFees, percentiles: readonly number[]): bigint[] {
  const { baseFeePerGas, transactions } = fees;
  const samples = transactions.map(({ transaction, gasUsed }) => ({
    gasUsed,
    tip: effectiveGasPrice(transaction, baseFeePerGas) - baseFeePerGas,
  }));
  samples.sort((a, b) => (a.tip < b.tip ? -1 : a.tip > b.tip ? 1 : 0));
  let index = 0;
  let gasBelow = samples[0]?.gasUsed ?? 0n;
  return percentiles.map((percentile) => {
    const threshold = BigInt(Math.floor((Number(fees.gasUsed) * percentile) / 100));
    while (gasBelow < threshold && index < samples.length - 1) gasBelow += samples[++index]?.gasUsed ?? 0n;
    return samples[index]?.tip ?? 0n;
  });
}
