import { expect } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { type RpcReceiptJson, rpc, rpcBatch } from './json-rpc.ts';

/** Calls in one batch: well below the server's limit of 1,000, and answers of a few MB. */
const BATCH = 50;

const hex = (value: number): Hex => `0x${value.toString(16)}`;

/** Every block `from` to `to` of a node, with whole transactions. */
function blocksOf(url: string, from: number, to: number): Promise<unknown[]> {
  return inBatches(
    url,
    'eth_getBlockByNumber',
    numbers(from, to).map((block) => [hex(block), true]),
  );
}

/** The receipts of every block `from` to `to`. */
export function receiptsOf(url: string, from: number, to: number): Promise<RpcReceiptJson[][]> {
  return inBatches(
    url,
    'eth_getBlockReceipts',
    numbers(from, to).map((block) => [hex(block)]),
  );
}

/**
 * Compares all that JSON-RPC shows of blocks `from` to `to` on every node with the first one: hash and state root with
 * everything else of the block, receipts, and the logs that `filters` select.
 */
export async function expectSameChain(
  urls: readonly string[],
  range: { readonly from: number; readonly to: number },
  filters: readonly Readonly<Record<string, unknown>>[] = [],
): Promise<void> {
  const [reference, ...others] = urls;
  if (reference === undefined) return;
  const { from, to } = range;
  const blocks = await blocksOf(reference, from, to);
  const receipts = await receiptsOf(reference, from, to);
  expect(blocks).toHaveLength(to - from + 1);
  expect(blocks).not.toContain(null);
  for (const url of others) {
    expect(await blocksOf(url, from, to)).toEqual(blocks);
    expect(await receiptsOf(url, from, to)).toEqual(receipts);
  }
  for (const filter of filters) {
    const logs = await rpc<unknown[]>(reference, 'eth_getLogs', [filter]);
    expect(logs.length, `logs for ${JSON.stringify(filter)}`).toBeGreaterThan(0);
    for (const url of others) expect(await rpc(url, 'eth_getLogs', [filter])).toEqual(logs);
  }
}

async function inBatches<Result>(url: string, method: string, calls: readonly (readonly unknown[])[]): Promise<Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < calls.length; start += BATCH) {
    results.push(...(await rpcBatch<Result>(url, method, calls.slice(start, start + BATCH))));
  }
  return results;
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}
