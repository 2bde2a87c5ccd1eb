import { afterEach, beforeEach, expect, test } from 'vitest';
import { ALICE, BOB, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

let rpc: RpcHarness;

beforeEach(async () => {
  rpc = await new RpcHarness({ limits: { maxPoolTransactions: 3 } }).start();
});
afterEach(() => rpc.stop());

const send = async (nonce: number, to?: null): Promise<string> =>
  rpc.result('eth_sendRawTransaction', await signTransfer({ nonce, ...(to === null && { to }) }));

test('what can be executed is pending, what waits behind a nonce gap is queued', async () => {
  const [first, second, far] = [await send(0), await send(1), await send(7)];
  expect(await rpc.result('txpool_status')).toEqual({ pending: '0x2', queued: '0x1' });
  const content = await rpc.result('txpool_content');
  expect(Object.keys(content.pending)).toEqual([ALICE.address]);
  expect(content.pending[ALICE.address]).toMatchObject({ 0: { hash: first }, 1: { hash: second, blockHash: null } });
  expect(content.queued[ALICE.address]).toEqual({
    7: expect.objectContaining({ hash: far, nonce: '0x7', transactionIndex: null, gasPrice: '0x1e8480' }),
  });
  rpc.chain.mine();
  expect(await rpc.result('txpool_status')).toEqual({ pending: '0x0', queued: '0x0' });
  expect(await rpc.result('txpool_content')).toEqual({ pending: {}, queued: {} });
});

test("one sender's part is asked for by address", async () => {
  const hash = await send(0);
  expect(await rpc.result('txpool_contentFrom', ALICE.address.toLowerCase())).toMatchObject({
    pending: { 0: { hash } },
    queued: {},
  });
  expect(await rpc.result('txpool_contentFrom', BOB.address)).toEqual({ pending: {}, queued: {} });
  expect((await rpc.call('txpool_contentFrom', '0x1234')).error).toMatchObject({
    code: -32602,
    message: 'invalid params: address: expected a 20-byte address in hex',
  });
});

test("the summary is in geth's words", async () => {
  await send(0);
  await send(1, null);
  expect(await rpc.result('txpool_inspect')).toEqual({
    pending: {
      [ALICE.address]: {
        0: `${BOB.address}: 1 wei + 100000 gas × 2000000 wei`,
        1: 'contract creation: 1 wei + 100000 gas × 2000000 wei',
      },
    },
    queued: {},
  });
});

test('a pool that is too large is not listed, and never in part', async () => {
  for (const nonce of [0, 1, 2, 3]) await send(nonce);
  for (const method of ['txpool_content', 'txpool_inspect']) {
    expect((await rpc.call(method)).error, method).toMatchObject({ code: -32005 });
  }
  expect(await rpc.result('txpool_status')).toEqual({ pending: '0x4', queued: '0x0' });
});
