import type { PrivateKeyAccount } from 'viem';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Hex, toHex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { initCodeOf, LOG, words } from '../support/contracts.ts';
import { defined } from '../support/defined.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo, type RpcReceiptJson, rpc, rpcBatch } from '../support/json-rpc.ts';
import { expectContiguous } from '../support/mini-block-chain.ts';
import { TestDevnet } from '../support/test-devnet.ts';
import { waitFor } from '../support/wait-for.ts';

const KILLS = isFullRun ? 3 : 1;
const SENDERS = 6;
/** Receipts given in a round before the kill; every sender has a transaction under way then. */
const RECEIPTS_BEFORE_KILL = 60;
/** Bound of what one sender sends in a round, should the kill not come. */
const MAX_SENDS = 200;

let devnet: TestDevnet;
let logger: Hex;
/** Every receipt that a client was given, as it was given. */
const given: RpcReceiptJson[] = [];

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 2 });
  await devnet.startAll();
  const creation = { ...fees(), nonce: 0, gas: 200_000n, data: toHex(initCodeOf(LOG)) };
  const raw = await devnet.account(0).signTransaction(creation);
  const receipt = await rpc<RpcReceiptJson>(devnet.rpcUrl('sequencer'), 'eth_sendRawTransactionSync', [raw, 30_000]);
  logger = defined(receipt.contractAddress ?? undefined);
});

afterAll(() => devnet[Symbol.asyncDispose]());

function fees() {
  return { type: 'eip1559', chainId: devnet.chainId, maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n } as const;
}

/** Sends one transaction after the other, each when the receipt of the one before is here; ends with the first failure. */
async function sendUntilFailure(url: string, account: PrivateKeyAccount): Promise<void> {
  let nonce = Number(await rpc<Hex>(url, 'eth_getTransactionCount', [account.address, 'pending']));
  for (let sent = 0; sent < MAX_SENDS; sent++) {
    const call = { to: logger, gas: 60_000n, data: toHex(words(given.length, nonce)) };
    const raw = await account.signTransaction({ ...fees(), ...call, nonce: nonce++ });
    try {
      given.push(await rpc<RpcReceiptJson>(url, 'eth_sendRawTransactionSync', [raw]));
    } catch {
      return;
    }
  }
}

/** A receipt without what its block's seal adds later. */
function withoutBlockHash({ blockHash: _, logs, ...receipt }: RpcReceiptJson): unknown {
  return { ...receipt, logs: logs.map((log) => ({ ...log, blockHash: undefined })) };
}

async function expectAllThere(url: string): Promise<void> {
  const receipts = await rpcBatch<RpcReceiptJson | null>(
    url,
    'eth_getTransactionReceipt',
    given.map(({ transactionHash }) => [transactionHash]),
  );
  const found = receipts.map((receipt) => (receipt === null ? null : withoutBlockHash(receipt)));
  expect(found).toEqual(given.map(withoutBlockHash));
}

async function killUnderLoad(): Promise<void> {
  const target = given.length + RECEIPTS_BEFORE_KILL;
  // Most send to the sequencer itself, two through a replica.
  const urls = ['sequencer', 'sequencer', 'replica-1', 'sequencer', 'replica-2', 'sequencer'].map((name) => devnet.rpcUrl(name));
  const senders = urls.slice(0, SENDERS).map((url, index) => sendUntilFailure(url, devnet.account(1 + index)));
  await waitFor(() => given.length >= target, { timeoutMs: 60_000, what: `${RECEIPTS_BEFORE_KILL} receipts` });
  await devnet.process('sequencer').crash();
  await Promise.all(senders);
}

test.each(Array.from({ length: KILLS }, (_, index) => index + 1))(
  'kill %i: nothing that was acknowledged is lost, and the chain goes on',
  async () => {
    const before = await nodeInfo(devnet.rpcUrl('sequencer'));
    await killUnderLoad();
    await devnet.start('sequencer');
    const url = devnet.rpcUrl('sequencer');
    await expectAllThere(url);
    const after = await nodeInfo(url);
    expect(after.miniBlock).toBeGreaterThan(before.miniBlock);
    const last = defined(given.at(-1));
    const lastBlock = Math.max(...given.map(({ blockNumber }) => Number(blockNumber)));
    expect(Number(last.blockNumber)).toBeGreaterThan(0);
    for (const name of ['replica-1', 'replica-2']) {
      await devnet.miniBlockReaches(name, after.miniBlock);
      await expectAllThere(devnet.rpcUrl(name));
    }
    for (const name of ['sequencer', 'replica-1', 'replica-2']) await devnet.safeReaches(name, lastBlock);
  },
);

test('mini-blocks are numbered without a gap and each names the one before', async () => {
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await expectContiguous(devnet.rpcUrl('sequencer'), miniBlock);
});

test('the replicas are the processes they were, follow, and saw no wrong-doing', async () => {
  const lastBlock = Math.max(...given.map(({ blockNumber }) => Number(blockNumber)));
  for (const name of ['replica-1', 'replica-2']) {
    expect(devnet.process(name).hasExited).toBe(false);
    const url = devnet.rpcUrl(name);
    expect(await rpc(url, 'strobe_equivocations')).toEqual([]);
    expect(await nodeInfo(url)).toMatchObject({ state: 'live', isReady: true, excludedProvers: [] });
  }
  const urls = ['sequencer', 'replica-1', 'replica-2'].map((name) => devnet.rpcUrl(name));
  await expectSameChain(urls, { from: 0, to: lastBlock }, [
    { fromBlock: '0x0', toBlock: `0x${lastBlock.toString(16)}`, address: logger },
  ]);
});
