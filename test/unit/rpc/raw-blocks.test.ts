import { createBlockFromRLP } from '@ethereumjs/block';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { encodeHeader } from '../../../src/protocol/block-header.ts';
import { decodeReceipt } from '../../../src/protocol/receipt.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { CHAIN_ID } from '../../support/fake-backend.ts';
import { RpcHarness, signEveryType, signTransfer } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness();
let raws: string[];

beforeAll(async () => {
  await rpc.start();
  raws = [await signTransfer({ nonce: 0 }), ...(await signEveryType(1))];
  for (const raw of raws) await rpc.result('eth_sendRawTransaction', raw);
  rpc.chain.seal();
});
afterAll(() => rpc.stop());

test('a block is the bytes that another client reads, with the hash and size that are told', async () => {
  const block = await rpc.result('eth_getBlockByNumber', '0x1');
  const raw = fromHex(await rpc.result('debug_getRawBlock', '0x1'));
  const common = new Common({ chain: { ...Mainnet, chainId: CHAIN_ID }, hardfork: Hardfork.Prague });
  const read = createBlockFromRLP(raw, { common, skipConsensusFormatValidation: true });
  expect(toHex(read.hash())).toBe(block.hash);
  expect(read.transactions.map((tx) => toHex(tx.hash()))).toEqual(block.transactions);
  expect(read.withdrawals).toEqual([]);
  for (const param of [block.hash, 'latest', { blockHash: block.hash }]) {
    expect(await rpc.result('debug_getRawBlock', param)).toBe(toHex(raw));
  }
  const header = await rpc.result('debug_getRawHeader', '0x1');
  expect(toHex(keccak256(fromHex(header)))).toBe(block.hash);
  expect(header).toBe(toHex(encodeHeader(rpc.chain.blocks[1]?.header as never)));
});

test('receipts are those that the root is made of', async () => {
  const receipts: string[] = await rpc.result('debug_getRawReceipts', '0x1');
  const formatted = await rpc.result('eth_getBlockReceipts', '0x1');
  expect(receipts.map((raw) => `0x${decodeReceipt(fromHex(raw)).type}`)).toEqual(
    formatted.map(({ type }: { type: string }) => type),
  );
  expect(await rpc.result('debug_getRawReceipts', '0x0')).toEqual([]);
});

test('a transaction is the bytes that were signed, in the chain and in the pool', async () => {
  for (const raw of raws) expect(await rpc.result('debug_getRawTransaction', toHex(keccak256(fromHex(raw))))).toBe(raw);
  const pooled = await signTransfer({ nonce: raws.length });
  const hash = await rpc.result('eth_sendRawTransaction', pooled);
  expect(await rpc.result('debug_getRawTransaction', hash)).toBe(pooled);
  expect(await rpc.result('debug_getRawTransaction', `0x${'00'.repeat(32)}`)).toBe('0x');
});

test.each(['debug_getRawBlock', 'debug_getRawHeader', 'debug_getRawReceipts'])(
  '%s knows no block above the head',
  async (method) => {
    expect((await rpc.call(method, '0x9')).error).toEqual({ code: -32000, message: 'block not found' });
    expect((await rpc.call(method, '2')).error).toMatchObject({ code: -32602 });
  },
);
