import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo, type RpcReceiptJson, rpc, rpcBatch } from '../support/json-rpc.ts';
import { tearTail } from '../support/log-tail.ts';
import { expectContiguous, miniBlocksOf } from '../support/mini-block-chain.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const RECIPIENT = '0x00000000000000000000000000000000000000aa';
const REPLICAS = ['replica-1', 'replica-2'] as const;
/** Transactions in the open block, each in a mini-block of its own, and how many of these the cut takes. */
const OPEN_TRANSACTIONS = 12;
const LOST = 3;
/** Long enough that the open block is not sealed before the kill. */
const BLOCK_INTERVAL_MS = 4_000;

let devnet: TestDevnet;
let nonce = 0;

beforeEach(async () => {
  nonce = 0;
  devnet = await TestDevnet.create({ replicas: 2, blockIntervalMs: BLOCK_INTERVAL_MS });
  await devnet.startAll();
});

afterEach(() => devnet[Symbol.asyncDispose]());

const url = (name: string): string => devnet.rpcUrl(name);

/** Sends a transfer and answers with its receipt: its mini-block is durable then. */
async function send(): Promise<RpcReceiptJson> {
  const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n };
  const request = {
    type: 'eip1559',
    chainId: devnet.chainId,
    to: RECIPIENT,
    value: 1n,
    gas: 21_000n,
    ...fees,
    nonce: nonce++,
  } as const;
  const raw = await devnet.account(0).signTransaction(request);
  return rpc<RpcReceiptJson>(url('sequencer'), 'eth_sendRawTransactionSync', [raw, 20_000]);
}

/** One safe block, and an open one that every replica has too; then the sequencer is killed. */
async function killWithOpenBlock(): Promise<{
  readonly receipts: readonly RpcReceiptJson[];
  readonly epoch: number;
  readonly number: number;
}> {
  const first = await send();
  for (const name of ['sequencer', ...REPLICAS]) await devnet.safeReaches(name, Number(first.blockNumber));
  const receipts: RpcReceiptJson[] = [];
  for (let i = 0; i < OPEN_TRANSACTIONS; i++) receipts.push(await send());
  const { epoch, miniBlock } = await nodeInfo(url('sequencer'));
  for (const name of REPLICAS) await devnet.miniBlockReaches(name, miniBlock);
  await devnet.process('sequencer').crash();
  expect(new Set(receipts.map(({ blockNumber }) => blockNumber)).size).toBe(1);
  return { receipts, epoch, number: miniBlock };
}

const receiptsAt = (name: string, receipts: readonly RpcReceiptJson[]): Promise<(RpcReceiptJson | null)[]> =>
  rpcBatch(
    url(name),
    'eth_getTransactionReceipt',
    receipts.map(({ transactionHash }) => [transactionHash]),
  );

/** All nodes have the same chain, up to a block that is new and safe. */
async function expectToGoOn(): Promise<void> {
  const { blockNumber } = await send();
  for (const name of ['sequencer', ...REPLICAS]) await devnet.safeReaches(name, Number(blockNumber));
  await expectSameChain(['sequencer', ...REPLICAS].map(url), { from: 0, to: Number(blockNumber) });
  for (const name of REPLICAS) {
    expect(await nodeInfo(url(name))).toMatchObject({ state: 'live', isReady: true });
    expect(await rpc(url(name), 'strobe_equivocations')).toEqual([]);
  }
  const { miniBlock } = await nodeInfo(url('sequencer'));
  const digests = (await expectContiguous(url('sequencer'), miniBlock)).map(({ digest }) => digest);
  for (const name of REPLICAS)
    expect((await expectContiguous(url(name), miniBlock)).map(({ digest }) => digest)).toEqual(digests);
}

test('nobody else has the lost mini-blocks at the restart: an epoch opens below them, and replicas undo theirs', async () => {
  const before = await killWithOpenBlock();
  for (const name of REPLICAS) await devnet.process(name).crash();
  const { kept } = await tearTail(devnet.dataDir('sequencer'), LOST);
  const lastNumber = defined(kept.at(-1)).number;
  expect(lastNumber).toBe(before.number - LOST);

  await devnet.start('sequencer');
  expect(await nodeInfo(url('sequencer'))).toMatchObject({ epoch: before.epoch + 1 });
  expect((await receiptsAt('sequencer', before.receipts.slice(-LOST))).every((receipt) => receipt === null)).toBe(true);
  expect((await receiptsAt('sequencer', before.receipts.slice(0, -LOST))).every((receipt) => receipt !== null)).toBe(true);
  nonce -= LOST;
  await send();
  const [last, next] = await miniBlocksOf(url('sequencer'), lastNumber, lastNumber + 1);
  expect(Number(next?.epoch)).toBe(before.epoch + 1);
  expect(next?.parentDigest).toBe(last?.digest);

  await devnet.start(...REPLICAS);
  await expectToGoOn();
  for (const name of REPLICAS) {
    expect(await nodeInfo(url(name))).toMatchObject({ epoch: before.epoch + 1 });
    expect(await devnet.metric(name, 'strobe_replica_undone_mini_blocks_total')).toBe(LOST);
    expect(BigInt(await rpc<Hex>(url(name), 'eth_getBalance', [RECIPIENT, 'latest']))).toBe(BigInt(nonce));
  }
});

test.runIf(isFullRun)(
  'peers have the lost mini-blocks: the sequencer takes them over from them, and nothing is lost',
  async () => {
    const before = await killWithOpenBlock();
    const digests = (await miniBlocksOf(url('replica-1'), 1, before.number)).map((miniBlock) => miniBlock?.digest);
    await tearTail(devnet.dataDir('sequencer'), LOST);

    await devnet.start('sequencer');
    expect((await miniBlocksOf(url('sequencer'), 1, before.number)).map((miniBlock) => miniBlock?.digest)).toEqual(digests);
    const there = await receiptsAt('sequencer', before.receipts);
    expect(there.map((receipt) => receipt?.transactionHash)).toEqual(
      before.receipts.map(({ transactionHash }) => transactionHash),
    );
    await expectToGoOn();
    // What peers do not have may have been lost too: the epoch is a new one, from where the adopted tail ends.
    const [next] = await miniBlocksOf(url('sequencer'), before.number + 1, before.number + 1);
    expect(Number(next?.epoch)).toBe(before.epoch + 1);
    for (const name of REPLICAS) {
      expect(await devnet.metric(name, 'strobe_replica_undone_mini_blocks_total')).toBe(0);
      expect(BigInt(await rpc<Hex>(url(name), 'eth_getBalance', [RECIPIENT, 'latest']))).toBe(BigInt(nonce));
    }
  },
);
