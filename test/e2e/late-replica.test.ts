import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { nodeInfo, type RpcReceiptJson, rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const RECIPIENT = '0x00000000000000000000000000000000000000aa';
/** Blocks that the chain has before the late replica comes. */
const BLOCKS_BEFORE = 3;
/** Transactions of the light load around each restart. */
const LIGHT_LOAD = 20;

let devnet: TestDevnet;
let sent = 0;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 3 });
  await devnet.start('sequencer');
  await devnet.start('replica-1', 'prover-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

async function send(): Promise<RpcReceiptJson> {
  const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n };
  const request = {
    type: 'eip1559',
    chainId: devnet.chainId,
    to: RECIPIENT,
    value: 1n,
    gas: 21_000n,
    ...fees,
    nonce: sent++,
  } as const;
  const raw = await devnet.account(0).signTransaction(request);
  return rpc<RpcReceiptJson>(devnet.rpcUrl('sequencer'), 'eth_sendRawTransactionSync', [raw, 20_000]);
}

async function lightLoad(): Promise<RpcReceiptJson> {
  for (let i = 1; i < LIGHT_LOAD; i++) await send();
  return send();
}

/** The node has everything that the sequencer has at this moment. */
async function expectInStep(name: string, block: number): Promise<void> {
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await devnet.miniBlockReaches(name, miniBlock);
  for (const tag of ['safe', 'finalized'] as const) {
    await devnet.safeReaches('sequencer', block, tag);
    await devnet.safeReaches(name, block, tag);
  }
  const urls = ['sequencer', name].map((node) => devnet.rpcUrl(node));
  await expectSameChain(urls, { from: 0, to: block });
  expect(BigInt(await rpc<Hex>(devnet.rpcUrl(name), 'eth_getBalance', [RECIPIENT, 'latest']))).toBe(BigInt(sent));
}

test('a replica that comes late catches up from genesis to the same head, safe and finalized block', async () => {
  let block = 0;
  while (block < BLOCKS_BEFORE) block = Number((await lightLoad()).blockNumber);
  await devnet.start('replica-2');
  await expectInStep('replica-2', block);
  expect(await devnet.metric('replica-2', 'strobe_replica_range_requests_total', 'outcome="progress"')).toBeGreaterThan(0);
  const status = await rpc(devnet.rpcUrl('replica-2'), 'strobe_blockStatus', ['0x1']);
  expect(status).toMatchObject({ received: true, signatureVerified: true, rootVerified: true, tag: 'finalized' });
  expect((status as { attestedBy: Hex[] }).attestedBy).toHaveLength(1);
});

test.each(['SIGKILL', 'SIGTERM'] as const)('a replica that is ended by %s under load resumes where it was', async (signal) => {
  const loaded = lightLoad();
  await devnet.process('replica-2').stop(signal);
  const { blockNumber: blockBefore } = await loaded;
  expect(devnet.process('replica-2').hasExited).toBe(true);
  const sentBefore = sent;
  const [, { blockNumber }] = await Promise.all([devnet.start('replica-2'), lightLoad()]);
  await expectInStep('replica-2', Number(blockNumber));
  expect(Number(blockNumber)).toBeGreaterThanOrEqual(Number(blockBefore));
  // It applied what it missed and not the chain from its beginning.
  const applied = await devnet.metric('replica-2', 'strobe_replica_transactions_total');
  expect(applied).toBeGreaterThanOrEqual(sent - sentBefore);
  expect(applied).toBeLessThan(sent);
});

test('a replica whose only peer is another replica gets the whole chain from it, though the sequencer is gone', async () => {
  const { miniBlock, head } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await devnet.miniBlockReaches('replica-1', miniBlock);
  await devnet.process('sequencer').crash();
  await devnet.bootstrapFrom('replica-3', 'replica-1');
  devnet.launch('replica-3');
  await devnet.process('replica-3').until(() => nodeInfo(devnet.rpcUrl('replica-3')).catch(() => undefined), 'JSON-RPC is up');
  await devnet.miniBlockReaches('replica-3', miniBlock);
  await expectSameChain(
    ['replica-1', 'replica-3'].map((name) => devnet.rpcUrl(name)),
    { from: 0, to: Number(head.number) },
  );
  for (const name of ['replica-1', 'replica-3']) {
    // Reads go on; who relies on fresh ones is told.
    const stalled = async () => (await page(`${devnet.metricsUrl(name)}/ready`))?.body.includes('STALLED');
    await devnet.process(name).until(stalled, 'the silence is reported');
    expect(defined(await page(`${devnet.metricsUrl(name)}/ready`)).status).toBe(503);
    expect(BigInt(await rpc<Hex>(devnet.rpcUrl(name), 'eth_getBalance', [RECIPIENT, 'latest']))).toBe(BigInt(sent));
  }
});
