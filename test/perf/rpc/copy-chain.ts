import type { RpcClient } from '../../../src/bench/rpc-client.ts';
import { rpcError } from '../../../src/bench/rpc-client.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { blockNumber, sendAll } from './bench-chain.ts';

const READ_BATCH = 100;

/**
 * Gives `target`, which mines on demand, the transactions of `source`, block by block, up to block `last`.
 * @throws StrobeError BENCH_COPY_FAILED when a block gets other transactions there
 */
export async function copyChain(source: RpcClient, target: RpcClient, last: number): Promise<void> {
  for (let number = 1; number <= last; number++) {
    const hashes = await transactionsOf(source, number);
    await sendAll(target, await rawTransactions(source, hashes));
    await target.call('evm_mine', []);
    const copied = await transactionsOf(target, number);
    if (copied.join() !== hashes.join()) throw new StrobeError('BENCH_COPY_FAILED', `block ${number} has other transactions`);
  }
  const head = await blockNumber(target);
  if (head !== last) throw new StrobeError('BENCH_COPY_FAILED', `the copy ends with block ${head}`);
}

async function transactionsOf(rpc: RpcClient, number: number): Promise<readonly string[]> {
  const block = await rpc.call('eth_getBlockByNumber', [`0x${number.toString(16)}`, false]);
  const hashes = (block as { transactions?: readonly string[] } | null)?.transactions;
  if (hashes === undefined) throw new StrobeError('BENCH_COPY_FAILED', `no block ${number}`);
  return hashes;
}

async function rawTransactions(rpc: RpcClient, hashes: readonly string[]): Promise<string[]> {
  const raws: string[] = [];
  for (let start = 0; start < hashes.length; start += READ_BATCH) {
    const calls = hashes.slice(start, start + READ_BATCH).map((hash) => ({ method: 'debug_getRawTransaction', params: [hash] }));
    for (const { error, result } of await rpc.batch(calls)) {
      if (error !== undefined) throw rpcError('debug_getRawTransaction', error);
      raws.push(result as string);
    }
  }
  return raws;
}
