import { afterEach, beforeEach, expect, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo, type RpcReceiptJson, rpc } from '../support/json-rpc.ts';
import { tearTail } from '../support/log-tail.ts';
import { expectContiguous } from '../support/mini-block-chain.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const BLOCKS = 3;
/** Mini-block and seal. */
const RECORDS_OF_BLOCK = 2;

let devnet: TestDevnet;
let nonce: number;

/** A chain of blocks that are safe everywhere, with nothing behind the newest seal; then the sequencer is killed. */
beforeEach(async () => {
  nonce = 0;
  devnet = await TestDevnet.create({ replicas: 2 });
  await devnet.start('sequencer');
  await devnet.start('replica-1', 'prover-1');
  for (let i = 0; i < BLOCKS; i++) await sendUntilSafe();
  await devnet.process('sequencer').crash();
});

afterEach(() => devnet[Symbol.asyncDispose]());

const url = (name: string): string => devnet.rpcUrl(name);

async function sendUntilSafe(): Promise<number> {
  const account = devnet.account(0);
  const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n };
  const request = {
    type: 'eip1559',
    chainId: devnet.chainId,
    to: account.address,
    gas: 21_000n,
    ...fees,
    nonce: nonce++,
  } as const;
  const raw = await account.signTransaction(request);
  const { blockNumber } = await rpc<RpcReceiptJson>(url('sequencer'), 'eth_sendRawTransactionSync', [raw, 20_000]);
  for (const name of ['sequencer', 'replica-1']) await devnet.safeReaches(name, Number(blockNumber));
  return Number(blockNumber);
}

/** Under a new epoch, with every block of before; the sequencer can serve all of them to replicas again. */
async function expectNothingLost(): Promise<void> {
  const block = await sendUntilSafe();
  await expectSameChain([url('sequencer'), url('replica-1')], { from: 0, to: block });
  const { miniBlock } = await nodeInfo(url('sequencer'));
  const last = (await expectContiguous(url('sequencer'), miniBlock)).at(-1);
  expect(Number(last?.epoch)).toBe(2);
  expect(await nodeInfo(url('replica-1'))).toMatchObject({ state: 'live', isReady: true, epoch: 2 });
  expect(await rpc(url('replica-1'), 'strobe_equivocations')).toEqual([]);
  // A replica that has nothing finds all of it at the sequencer, where it looks.
  await devnet.process('replica-1').crash();
  await devnet.start('replica-2');
  await devnet.safeReaches('replica-2', block);
}

// The cut below goes the longer way through the same repair.
test.runIf(isFullRun)('a torn seal of a stored block goes back into the log from the store', async () => {
  await devnet.process('replica-1').crash();
  await tearTail(devnet.dataDir('sequencer'), 1);
  await devnet.start('sequencer');
  expect(devnet.process('sequencer').output).toContain('is there again');
  await devnet.start('replica-1');
  await expectNothingLost();
});

test('a cut through stored blocks: refused alone, with the remedy, and made good by a replica that has them', async () => {
  await devnet.process('replica-1').crash();
  await tearTail(devnet.dataDir('sequencer'), 2 * RECORDS_OF_BLOCK);
  const [alone] = devnet.launch('sequencer');
  expect(await alone?.exited).toEqual({ code: 1, signal: null });
  expect(alone?.output).toMatch(/"code":"LOG_BEHIND_STORE"/);
  expect(alone?.output).toMatch(/while a replica that has the rest runs/);

  devnet.launch('replica-1');
  await devnet.start('sequencer');
  await expectNothingLost();
});
