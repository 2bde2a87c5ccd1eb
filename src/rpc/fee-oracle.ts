import { setImmediate as nextTurn } from 'node:timers/promises';
import { type BlockHeader, hashHeader, nextBaseFee } from '../protocol/block-header.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import { toKey } from '../util/bytes.ts';
import { BlockTips, rewardsAt, type TipSteps, tipStepsOf } from './block-tips.ts';

/** Suggested while blocks have room, wei per gas: order is by arrival unless they are full (op-geth suggests the same). */
const MIN_TIP_WEI = 1_000_000n;
/** A block fuller than this says that tips matter, percent of the gas limit. */
const FULL_BLOCK_PERCENT = 90n;

/** Fees of one block in the terms of eth_feeHistory. */
export interface BlockFees {
  readonly baseFeePerGas: bigint;
  readonly gasUsed: bigint;
  readonly gasLimit: bigint;
  /** None unless they were asked for. */
  readonly tips: TipSteps;
}

/** Suggests fees from the newest blocks, and tells what older ones had. */
export class FeeOracle {
  readonly #baseFeeFloorWei: bigint;
  readonly #chain: ChainReader;
  readonly #tips = new BlockTips();

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
    const fees = await this.feesOf(header.number, true);
    if (fees === undefined) return MIN_TIP_WEI;
    const [median = 0n] = rewardsAt(fees.tips, fees.gasUsed, [50]);
    const raised = (median * 11n) / 10n;
    return raised > MIN_TIP_WEI ? raised : MIN_TIP_WEI;
  }

  /** Of a sealed block or the open one; undefined when there is none. Transactions are read only for tips. */
  async feesOf(blockNumber: number, withTips: boolean): Promise<BlockFees | undefined> {
    const open = this.#chain.openBlock();
    if (open?.env.number === blockNumber) {
      const { baseFeePerGas, gasLimit } = open.env;
      const tips = withTips ? tipStepsOf(open.transactions, baseFeePerGas) : [];
      return { baseFeePerGas, gasLimit, gasUsed: open.gasUsed, tips };
    }
    const header = (await this.#chain.sealOf(blockNumber))?.header;
    if (header !== undefined) {
      const tips = withTips ? this.#tips.get(keyOf(header)) : [];
      if (tips !== undefined) return feesIn(header, tips);
    }
    return this.#readBlock(blockNumber, withTips);
  }

  async #readBlock(blockNumber: number, withTips: boolean): Promise<BlockFees | undefined> {
    const block = await this.#chain.blockByNumber(blockNumber);
    if (block === undefined) return undefined;
    const { header } = block;
    if (!withTips) return feesIn(header, []);
    const tips = this.#tips.get(keyOf(header)) ?? tipStepsOf(block.transactions, header.baseFeePerGas);
    this.#tips.add(keyOf(header), tips);
    // A hundred full blocks would keep everyone else waiting.
    await nextTurn();
    return feesIn(header, tips);
  }
}

function keyOf(header: BlockHeader): string {
  return toKey(hashHeader(header));
}

function feesIn({ baseFeePerGas, gasUsed, gasLimit }: BlockHeader, tips: TipSteps): BlockFees {
  return { baseFeePerGas, gasUsed, gasLimit, tips };
}
