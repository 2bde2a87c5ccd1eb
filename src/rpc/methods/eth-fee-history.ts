import { quantity } from '../../util/quantity.ts';
import { type BlockNumberParam, readBlockNumberParam } from '../block-param.ts';
import { rewardsAt } from '../block-tips.ts';
import type { BlockFees } from '../fee-oracle.ts';
import { assertKept, earliestBlock, readAtBlock } from '../read-blocks.ts';
import { readArray, readOptional, readSafeInteger } from '../read-params.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';

interface FeeHistoryParams {
  readonly blockCount: number;
  readonly newestBlock: BlockNumberParam;
  readonly percentiles: readonly unknown[] | undefined;
}

/** Base fees, fullness and, when percentiles are asked for, the tips that were paid; of fewer blocks when older ones are pruned. */
export const ethFeeHistory: RpcMethod<FeeHistoryParams> = {
  name: 'eth_feeHistory',
  maxParams: 3,
  parse: ([blockCount, newestBlock, percentiles]) => ({
    blockCount: readCount(blockCount),
    newestBlock: readBlockNumberParam(newestBlock, 'newestBlock'),
    percentiles: readOptional(percentiles, 'rewardPercentiles', (value, field) =>
      readArray(value, field, Number.POSITIVE_INFINITY),
    ),
  }),
  handle: async ({ blockCount, newestBlock, percentiles: values }, modules) => {
    const percentiles = checkPercentiles(values ?? [], modules.limits.maxRewardPercentiles);
    return readAtBlock(newestBlock, modules.backend.chain, (newest) => feeHistory(newest, blockCount, percentiles, modules));
  },
};

const DECIMAL = /^\d+$/;
const NO_BLOCKS = { oldestBlock: '0x0', baseFeePerGas: [], gasUsedRatio: [], baseFeePerBlobGas: [], blobGasUsedRatio: [] };

async function feeHistory(newest: number, blockCount: number, percentiles: readonly number[], modules: RpcModules) {
  const { chain } = modules.backend;
  // Whatever the block: geth asks for none.
  if (blockCount === 0) return NO_BLOCKS;
  const head = chain.openBlock()?.env.number ?? chain.head().header.number;
  if (newest > head) throw rpcError('BLOCK_NOT_FOUND', `request beyond head block: requested ${newest}, head ${head}`);
  // Block 0 stays when those above it are pruned.
  const earliest = Math.min(newest, await earliestBlock(chain));
  const count = Math.min(blockCount, modules.limits.maxFeeHistoryBlocks, newest + 1 - earliest);
  const oldest = newest + 1 - count;
  const blocks = await readFees({ oldest, newest, withTips: percentiles.length > 0 }, modules);
  const baseFees = blocks.map(({ baseFeePerGas }) => baseFeePerGas);
  const last = blocks.at(-1);
  if (last !== undefined) baseFees.push(await baseFeeAfter(newest, last, modules));
  return {
    oldestBlock: quantity(oldest),
    baseFeePerGas: baseFees.map(quantity),
    gasUsedRatio: blocks.map(({ gasUsed, gasLimit }) => Number(gasUsed) / Number(gasLimit)),
    baseFeePerBlobGas: baseFees.map(() => '0x1'),
    blobGasUsedRatio: blocks.map(() => 0),
    ...(percentiles.length === 0
      ? {}
      : { reward: blocks.map((fees) => rewardsAt(fees.tips, fees.gasUsed, percentiles).map(quantity)) }),
  };
}

/** In hex, decimal, or as a plain number: geth takes them all. */
function readCount(value: unknown): number {
  const count = typeof value === 'string' && DECIMAL.test(value) ? Number(value) : value;
  if (typeof count !== 'number') return readSafeInteger(count, 'blockCount');
  if (Number.isSafeInteger(count) && count >= 0) return count;
  throw invalidParams('blockCount', 'expected a whole number');
}

function checkPercentiles(values: readonly unknown[], maxCount: number): number[] {
  if (values.length > maxCount) throw rpcError('LIMIT_EXCEEDED', `at most ${maxCount} reward percentiles`);
  let previous = 0;
  return values.map((value) => {
    if (typeof value !== 'number' || !(value >= previous && value <= 100)) {
      throw invalidParams('rewardPercentiles', 'expected ascending numbers from 0 to 100');
    }
    previous = value;
    return value;
  });
}

async function readFees(
  { oldest, newest, withTips }: { readonly oldest: number; readonly newest: number; readonly withTips: boolean },
  { backend, fees }: RpcModules,
): Promise<BlockFees[]> {
  const read: BlockFees[] = [];
  for (let number = oldest; number <= newest; number++) {
    const block = await fees.feesOf(number, withTips);
    if (block === undefined) {
      await assertKept(number, number, backend.chain);
      throw rpcError('BLOCK_NOT_FOUND', `request beyond head block: requested ${number}`);
    }
    read.push(block);
  }
  return read;
}

/** The base fee of the block after the newest one asked for: as it is when that block exists, else what it will be. */
async function baseFeeAfter(newest: number, last: BlockFees, { fees }: RpcModules): Promise<bigint> {
  return (await fees.feesOf(newest + 1, false))?.baseFeePerGas ?? fees.baseFeeAfter(last);
}
