import type { BenchAccount } from '../../../src/bench/bench-accounts.ts';
import { type ChainTerms, planFees, quantity, readNonces } from '../../../src/bench/chain-state.ts';
import { runSetup } from '../../../src/bench/contract-setup.ts';
import { signCall } from '../../../src/bench/presigned-load.ts';
import type { RpcClient } from '../../../src/bench/rpc-client.ts';
import type { SeededRandom } from '../../../src/bench/seeded-random.ts';
import { type Call, encodeCall, SetupPlan } from '../../../src/bench/setup-plan.ts';
import { type Bytes, EMPTY_BYTES, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { waitFor } from '../../support/wait-for.ts';
import type { RpcBenchOptions } from './rpc-bench-options.ts';

const TOKEN_SUPPLY = 10n ** 27n;
const TRANSFER_GAS = 21_000n;
const TOKEN_TRANSFER_GAS = 80_000n;
const TOKEN_DEPLOY_GAS = 6_000_000n;
/** Several blocks of a machine with too much to do. */
const BLOCK_TIMEOUT_MS = 60_000;
const SEND_BATCH = 100;

/** What is on the chain to be read. */
export interface BenchChain {
  readonly token: Bytes;
  /** Each has ether and, most of them, tokens. */
  readonly holders: readonly Bytes[];
  /** First and last block with transfers. */
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly terms: ChainTerms;
}

/** Deploys a token, pays every holder, and then sends the transfers of a block whenever a block was sealed. */
export async function fillChain(
  rpc: RpcClient,
  owner: BenchAccount,
  random: SeededRandom,
  { blocks, logs, holders: count, sends }: RpcBenchOptions,
): Promise<BenchChain> {
  const calls = BigInt(blocks * logs + sends * 2);
  const gas = calls * TOKEN_TRANSFER_GAS + BigInt(count) * TRANSFER_GAS + TOKEN_DEPLOY_GAS;
  const { terms } = await planFees(rpc, [owner], [gas], TOKEN_DEPLOY_GAS);
  await readNonces(rpc, [owner]);
  const holders = Array.from({ length: count }, () => random.bytes(20));
  const setup = new SetupPlan([owner]);
  const token = setup.deploy('BenchToken', ['Bench Token', 'BENCH', TOKEN_SUPPLY, toHex(owner.address)]);
  for (const to of holders) {
    const call = { to, value: BigInt(random.nextUint32()) + 1n, data: EMPTY_BYTES, gasLimit: TRANSFER_GAS };
    setup.owner.push({ sender: 0, label: 'pay a holder', call });
  }
  await runSetup(rpc, setup, terms, AbortSignal.timeout(BLOCK_TIMEOUT_MS * 2), () => undefined);
  const firstBlock = (await nextBlock(rpc)) + 1;
  for (let block = 0; block < blocks; block++) {
    const transfers = Array.from({ length: logs }, () => signTransfer(owner, tokenTransfer(token, holders, random), terms));
    await sendAll(rpc, transfers);
    await nextBlock(rpc);
  }
  // The last transfers may have missed the block that was sealed meanwhile.
  return { token, holders, firstBlock, lastBlock: await nextBlock(rpc), terms };
}

/** A transfer of a random amount to a random holder. */
export function tokenTransfer(token: Bytes, holders: readonly Bytes[], random: SeededRandom): Call {
  const to = holders[random.below(holders.length)] as Bytes;
  const data = encodeCall('BenchToken', 'transfer', [toHex(to), BigInt(random.nextUint32()) + 1n]);
  return { to: token, value: 0n, data, gasLimit: TOKEN_TRANSFER_GAS };
}

export function signTransfer(owner: BenchAccount, call: Call, terms: ChainTerms): string {
  return toHex(signCall([owner], 0, call, terms).raw);
}

/** Sends signed transactions in batches. @throws StrobeError BENCH_SEND_REFUSED */
export async function sendAll(rpc: RpcClient, transactions: readonly string[]): Promise<void> {
  for (let start = 0; start < transactions.length; start += SEND_BATCH) {
    const raws = transactions.slice(start, start + SEND_BATCH);
    const answers = await rpc.batch(raws.map((raw) => ({ method: 'eth_sendRawTransaction', params: [raw] })));
    const refused = answers.find(({ error }) => error !== undefined)?.error;
    if (refused !== undefined) throw new StrobeError('BENCH_SEND_REFUSED', refused.message);
  }
}

/** Number of the first block that is sealed from now on. */
async function nextBlock(rpc: RpcClient): Promise<number> {
  const head = await blockNumber(rpc);
  const sealed = async (): Promise<number | undefined> => {
    const number = await blockNumber(rpc);
    return number > head ? number : undefined;
  };
  return waitFor(sealed, { timeoutMs: BLOCK_TIMEOUT_MS, pollMs: 20, what: 'a block is sealed' });
}

export async function blockNumber(rpc: RpcClient): Promise<number> {
  return Number(quantity(await rpc.call('eth_blockNumber', [])));
}
