import { type Bytes, type Hex, toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { BenchAccount } from './bench-accounts.ts';
import { type RpcAnswer, type RpcClient, rpcError } from './rpc-client.ts';

/** What every transaction of a run carries. */
export type ChainTerms = { chainId: bigint; maxFeePerGas: bigint; maxPriorityFeePerGas: bigint };

/** Value `amountWei` that account 0 must send to the account at `index` before the run. */
export type TopUp = { index: number; amountWei: bigint };

/** Full blocks raise the base fee by 12.5 % each: this factor lasts 59 of them in a row. */
const FEE_HEADROOM = 1_000n;
/** What is still asked for when the accounts cannot afford that: 19 full blocks. */
const FEE_HEADROOM_MIN = 10n;
/** geth refuses a transaction that could cost more than 1 ether (`--rpc.txfeecap`). */
const MAX_TRANSACTION_FEE_WEI = 900_000_000_000_000_000n;
const DEFAULT_TIP_WEI = 1_000_000_000n;

/** Balances and nonces are asked for in batches of this size, below every server's limit. */
const READ_BATCH = 100;

export type FeePlan = { terms: ChainTerms; topUps: TopUp[] };

/**
 * Reads chain id, fees and balances and decides what the transactions may pay.
 * @param gasBudgets the gas each account may use in the whole run
 * @param gasPerTransaction the largest gas limit of a single transaction
 * @throws StrobeError BENCH_UNDERFUNDED when account 0 cannot fill up the others
 */
export async function planFees(
  rpc: RpcClient,
  accounts: readonly BenchAccount[],
  gasBudgets: readonly bigint[],
  gasPerTransaction: bigint,
): Promise<FeePlan> {
  const chainId = quantity(await rpc.call('eth_chainId', []));
  const head = (await rpc.call('eth_getBlockByNumber', ['latest', false])) as { baseFeePerGas?: unknown } | null;
  const baseFee = head?.baseFeePerGas === undefined ? 1n : quantity(head.baseFeePerGas);
  const tip = await priorityFee(rpc);
  const balances = await readQuantities(rpc, 'eth_getBalance', accounts, 'latest');
  const feeAt = (headroom: bigint): bigint => {
    const capped = MAX_TRANSACTION_FEE_WEI / gasPerTransaction;
    return smaller(baseFee * headroom + tip, capped);
  };
  const costsAt = (fee: bigint): bigint[] => gasBudgets.map((gas) => gas * fee);
  const rich = feeAt(FEE_HEADROOM);
  const allRich = costsAt(rich).every((cost, index) => cost <= (balances[index] ?? 0n));
  const maxFeePerGas = allRich ? rich : feeAt(FEE_HEADROOM_MIN);
  const topUps = planTopUps(balances, costsAt(maxFeePerGas));
  const maxPriorityFeePerGas = smaller(tip, maxFeePerGas);
  return { terms: { chainId, maxFeePerGas, maxPriorityFeePerGas }, topUps };
}

function smaller(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Sets every account's nonce to the next one the node expects, pool included. */
export async function readNonces(rpc: RpcClient, accounts: readonly BenchAccount[]): Promise<void> {
  const nonces = await readQuantities(rpc, 'eth_getTransactionCount', accounts, 'pending');
  accounts.forEach((account, index) => {
    account.nonce = Number(nonces[index]);
  });
}

function planTopUps(balances: readonly bigint[], costs: readonly bigint[]): TopUp[] {
  const topUps: TopUp[] = [];
  let spareWei = (balances[0] ?? 0n) - (costs[0] ?? 0n);
  balances.forEach((balance, index) => {
    const missingWei = (costs[index] ?? 0n) - balance;
    if (index === 0 || missingWei <= 0n) return;
    topUps.push({ index, amountWei: missingWei });
    spareWei -= missingWei;
  });
  if (spareWei < 0n) {
    throw new StrobeError('BENCH_UNDERFUNDED', 'account 0 of the mnemonic cannot pay for this run', {
      missingWei: (-spareWei).toString(),
    });
  }
  return topUps;
}

async function priorityFee(rpc: RpcClient): Promise<bigint> {
  try {
    return quantity(await rpc.call('eth_maxPriorityFeePerGas', []));
  } catch (error) {
    if (error instanceof StrobeError && error.code === 'BENCH_RPC_ERROR') return DEFAULT_TIP_WEI;
    throw error;
  }
}

async function readQuantities(
  rpc: RpcClient,
  method: string,
  accounts: readonly { address: Bytes }[],
  tag: string,
): Promise<bigint[]> {
  const values: bigint[] = [];
  for (let start = 0; start < accounts.length; start += READ_BATCH) {
    const calls = accounts.slice(start, start + READ_BATCH).map(({ address }) => ({ method, params: [toHex(address), tag] }));
    for (const answer of await rpc.batch(calls)) values.push(quantity(resultOf(method, answer)));
  }
  return values;
}

function resultOf(method: string, answer: RpcAnswer): unknown {
  if (answer.error) throw rpcError(method, answer.error);
  return answer.result;
}

/** @throws StrobeError BENCH_RPC_BAD_ANSWER when `value` is no hex quantity */
export function quantity(value: unknown): bigint {
  if (typeof value === 'string' && /^0x[0-9a-fA-F]{1,64}$/.test(value)) return BigInt(value as Hex);
  throw new StrobeError('BENCH_RPC_BAD_ANSWER', 'expected a hex quantity');
}
