import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { REVERTER } from '../../support/fake-contracts.ts';
import { ALICE, BOB, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

let rpc: RpcHarness;
beforeEach(async () => {
  rpc = await new RpcHarness({ limits: { maxNonceWaiters: 2, callAfterTimeoutMs: 50, maxCallAfterTimeoutMs: 400 } }).start();
});
afterEach(() => rpc.stop());

const REQUEST = { to: BOB.address, data: '0x1234' };
const callAfter = (condition: object, request: object = REQUEST, ...more: unknown[]) =>
  rpc.call('eth_callAfter', request, { account: ALICE.address, timeout: 300, ...condition }, ...more);
const waiting = (count: number) => vi.waitUntil(async () => (await rpc.metric('rpc_nonce_waiters')) === count, { interval: 1 });

async function mine(nonce: number): Promise<void> {
  await rpc.result('eth_sendRawTransaction', await signTransfer({ nonce }));
  rpc.chain.mine();
}

it('calls at once when the nonce is reached already', async () => {
  expect((await callAfter({ nonce: '0x0' })).result).toBe('0x1234');
  await mine(0);
  for (const nonce of ['0x0', '0x1', 1]) expect((await callAfter({ nonce })).result).toBe('0x1234');
});

it('waits for the mini-block that brings the nonce, and calls on its state', async () => {
  const answers = [callAfter({ nonce: '0x1' }), callAfter({ nonce: '0x2' })];
  await waiting(2);
  expect(rpc.chain.calls).toHaveLength(0);
  await mine(0);
  expect((await defined(answers[0])).result).toBe('0x1234');
  await waiting(1);
  await mine(1);
  expect((await defined(answers[1])).result).toBe('0x1234');
  const { position } = defined(rpc.chain.calls.at(-1));
  expect(position.state.getAccount(Buffer.from(ALICE.address.slice(2), 'hex'))?.nonce).toBe(2n);
  await waiting(0);
});

it('answers in the words of others when the time is over', async () => {
  const error = { code: -32000, message: 'Timeout: timeout waiting for nonce condition' };
  for (const timeout of [1, '0x1', undefined, null, 0]) {
    expect(await callAfter({ nonce: '0x1', timeout })).toMatchObject({ error });
  }
  const startedMs = performance.now();
  expect(await callAfter({ nonce: '0x1', timeout: 60_000 })).toMatchObject({ error });
  expect(performance.now() - startedMs).toBeGreaterThan(390);
  expect(await rpc.metric('rpc_nonce_waiters')).toBe(0);
});

it('lets no more wait than are allowed, with one listener on the chain', async () => {
  const listeners = rpc.chain.listenerCount;
  const answers = [callAfter({ nonce: '0x1' }), callAfter({ nonce: '0x1' })];
  await waiting(2);
  expect((await callAfter({ nonce: '0x1' })).error?.code).toBe(-32005);
  expect(rpc.chain.listenerCount).toBe(listeners);
  await mine(0);
  for (const answer of answers) expect((await answer).result).toBe('0x1234');
});

it('takes overrides of state and block, and answers a revert as eth_call does', async () => {
  const state = { [BOB.address]: { balance: '0x5' } };
  expect((await callAfter({ nonce: '0x0' }, REQUEST, state, { number: '0x99' })).result).toBe('0x1234');
  const { overrides, position } = defined(rpc.chain.calls.at(-1));
  expect(overrides).toMatchObject([{ balance: 5n }]);
  expect(position.env.number).toBe(0x99);
  expect((await callAfter({ nonce: '0x0' }, { to: toHex(REVERTER) })).error).toMatchObject({ code: 3 });
});

it.each([
  [undefined, 'condition: expected an object'],
  [{ nonce: '0x1' }, 'condition.account'],
  [{ account: ALICE.address }, 'condition.nonce'],
  [{ account: ALICE.address, nonce: -1 }, 'condition.nonce'],
  [{ account: ALICE.address, nonce: '0x1', timeout: 'soon' }, 'condition.timeout'],
])('refuses the condition %j', async (condition, message) => {
  const { error } = await rpc.call('eth_callAfter', REQUEST, condition);
  expect(error).toMatchObject({ code: -32602, message: expect.stringContaining(message) });
});
