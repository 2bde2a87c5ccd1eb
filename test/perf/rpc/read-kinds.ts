import { isDeepStrictEqual } from 'node:util';
import { type RpcClient, rpcError } from '../../../src/bench/rpc-client.ts';
import { encodeCall } from '../../../src/bench/setup-plan.ts';
import { fromText, padTo32, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import type { BenchChain } from './bench-chain.ts';

/** Blocks that one eth_getLogs looks through, where the chain has as many. */
const LOG_RANGE_BLOCKS = 100;
const TRANSFER = toHex(keccak256(fromText('Transfer(address,address,uint256)')));
/** Answers that are compared, each of another holder. */
const COMPARED = 50;

/** One kind of read with the parameters of every holder. */
export interface ReadKind {
  readonly name: string;
  readonly method: string;
  readonly params: readonly (readonly unknown[])[];
}

export function readKinds({ token, holders, firstBlock, lastBlock }: BenchChain): ReadKind[] {
  const fromBlock = Math.max(firstBlock, lastBlock - LOG_RANGE_BLOCKS + 1);
  const [from, to] = [fromBlock, lastBlock].map((number) => `0x${number.toString(16)}`);
  const logFilter = (topic: string) => ({ fromBlock: from, toBlock: to, address: toHex(token), topics: [TRANSFER, null, topic] });
  return [
    {
      name: 'eth_getBalance',
      method: 'eth_getBalance',
      params: holders.map((holder) => [toHex(holder), 'latest']),
    },
    {
      name: 'eth_call, balanceOf',
      method: 'eth_call',
      params: holders.map((holder) => {
        const data = toHex(encodeCall('BenchToken', 'balanceOf', [toHex(holder)]));
        return [{ to: toHex(token), data }, 'latest'];
      }),
    },
    {
      name: `eth_getLogs, ${lastBlock - fromBlock + 1} blocks`,
      method: 'eth_getLogs',
      params: holders.map((holder) => [logFilter(toHex(padTo32(holder)))]),
    },
  ];
}

/** Requests of one read each, or batches of `batch` reads: every holder is read at least once. */
export function requestBodies({ method, params }: ReadKind, batch: number): string[] {
  const requests = params.map((param, id) => JSON.stringify({ jsonrpc: '2.0', id, method, params: param }));
  if (batch === 1) return requests;
  const item = (index: number): string => requests[index % requests.length] as string;
  return Array.from({ length: Math.ceil(requests.length / batch) }, (_, body) => {
    const items = Array.from({ length: batch }, (_, index) => item(body * batch + index));
    return `[${items.join(',')}]`;
  });
}

/**
 * Asks every server the same and compares what they say; gives the mean length of an answer with logs, in logs.
 * @throws StrobeError BENCH_ANSWERS_DIFFER
 */
export async function compareAnswers(kinds: readonly ReadKind[], servers: readonly RpcClient[]): Promise<number> {
  let logs = 0;
  for (const { name, method, params } of kinds) {
    const calls = params.slice(0, COMPARED).map((param) => ({ method, params: param }));
    const [first, ...others] = await Promise.all(servers.map((server) => answersOf(server, calls)));
    if (others.some((answers) => !isDeepStrictEqual(answers, first))) {
      throw new StrobeError('BENCH_ANSWERS_DIFFER', `${name}: the servers do not say the same`);
    }
    if (method === 'eth_getLogs') logs = (first as readonly unknown[][]).flat().length / calls.length;
  }
  return logs;
}

async function answersOf(
  server: RpcClient,
  calls: readonly { method: string; params: readonly unknown[] }[],
): Promise<unknown[]> {
  const answers = await server.batch(calls);
  return answers.map(({ error, result }, index) => {
    if (error !== undefined) throw rpcError(calls[index]?.method ?? '', error);
    return Array.isArray(result) ? result.map(withoutBlock) : result;
  });
}

/** A log by what two chains with the same transactions agree on. */
function withoutBlock(log: object): object {
  const { address, topics, data, blockNumber, transactionHash, logIndex } = log as Record<string, unknown>;
  return { address, topics, data, blockNumber, transactionHash, logIndex };
}
