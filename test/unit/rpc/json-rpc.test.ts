import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toKey } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { type RpcAnswer, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness({ limits: { maxBatchItems: 20 } });
beforeAll(() => rpc.start());
afterAll(() => rpc.stop());

const request = (method: string, params: unknown, id: unknown = 1): object => ({ jsonrpc: '2.0', id, method, params });
const batch = async (...items: unknown[]): Promise<RpcAnswer[]> =>
  (await rpc.answer(JSON.stringify(items))) as unknown as RpcAnswer[];

describe('JSON-RPC 2.0', () => {
  it.each([
    ['text that is no JSON', '{"jsonrpc":', -32700],
    ['an empty body', '', -32700],
    ['a bare number', '1', -32600],
    ['null', 'null', -32600],
    ['an empty batch', '[]', -32600],
    ['no version', '{"id":1,"method":"eth_chainId"}', -32600],
    ['version 1', '{"jsonrpc":"1.0","id":1,"method":"eth_chainId"}', -32600],
    ['a method that is no string', '{"jsonrpc":"2.0","id":1,"method":7}', -32600],
    ['an object as id', '{"jsonrpc":"2.0","id":{},"method":"eth_chainId"}', -32600],
    ['an unknown method', '{"jsonrpc":"2.0","id":1,"method":"eth_nothing"}', -32601],
    ['a name of Object.prototype', '{"jsonrpc":"2.0","id":1,"method":"constructor"}', -32601],
    ['parameters by name', '{"jsonrpc":"2.0","id":1,"method":"eth_getBalance","params":{"address":"0x"}}', -32602],
  ])('refuses %s', async (_, body, code) => {
    const answer = await rpc.answer(body);
    expect(answer.jsonrpc).toBe('2.0');
    expect(answer.error?.code).toBe(code);
    expect(answer).not.toHaveProperty('result');
  });

  it.each([1, 0, -1.5, 'text', '', null])('echoes the id %j', async (id) => {
    const answer = await rpc.answer(JSON.stringify(request('eth_chainId', [], id)));
    expect(answer).toEqual({ jsonrpc: '2.0', id, result: '0x539' });
  });

  it('takes absent and null parameters for none', async () => {
    expect(await rpc.answer('{"jsonrpc":"2.0","id":1,"method":"eth_chainId"}')).toHaveProperty('result');
    expect(await rpc.answer('{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":null}')).toHaveProperty('result');
    expect(await rpc.call('eth_chainId', null, null)).toHaveProperty('result');
  });

  it('refuses parameters it would have to ignore', async () => {
    expect((await rpc.call('eth_chainId', 1)).error?.code).toBe(-32602);
    expect((await rpc.call('eth_call', { to: '0x' }, 'latest', {}, {}, 1)).error?.message).toMatch('at most 4');
  });

  it('names the field of a wrong parameter', async () => {
    expect((await rpc.call('eth_getBalance', '0x12')).error).toMatchObject({
      code: -32602,
      message: expect.stringMatching('address'),
    });
    expect((await rpc.call('eth_call', { value: '0x01' })).error?.message).toMatch('transaction.value');
  });

  it('answers a notification with 204 and runs it', async () => {
    const raw = await signTransfer({ nonce: 0, value: 77n });
    const response = await rpc.post(JSON.stringify({ jsonrpc: '2.0', method: 'eth_sendRawTransaction', params: [raw] }));
    expect(response.status).toBe(204);
    expect(rpc.chain.submitted).toContain(toKey(keccak256(fromHex(raw))));
    rpc.chain.pool.clear();
  });

  it('hides internal errors', async () => {
    rpc.chain.submitError = new TypeError('secret at /home/someone');
    const answer = await rpc.call('eth_sendRawTransaction', '0x01');
    rpc.chain.submitError = undefined;
    expect(answer.error).toEqual({ code: -32603, message: 'internal error' });
  });

  it('answers a batch in order, without its notifications', async () => {
    const answers = await batch(
      request('eth_chainId', [], 'a'),
      { jsonrpc: '2.0', method: 'eth_chainId' },
      7,
      request('eth_nothing', [], 'b'),
      request('eth_feeHistory', ['0x1', 'latest', []], 'c'),
      request('net_version', [], 'd'),
    );
    expect(answers.map(({ id }) => id)).toEqual(['a', null, 'b', 'c', 'd']);
    expect(answers.map(({ error }) => error?.code)).toEqual([undefined, -32600, -32601, undefined, undefined]);
  });

  it('answers a batch of notifications with nothing', async () => {
    const response = await rpc.post(JSON.stringify([{ jsonrpc: '2.0', method: 'eth_chainId' }]));
    expect([response.status, await response.text()]).toEqual([204, '']);
  });

  it('refuses a batch above the limit whole', async () => {
    const answer = await rpc.answer(JSON.stringify(Array.from({ length: 21 }, () => request('eth_chainId', []))));
    expect(answer.error).toMatchObject({ code: -32600, message: expect.stringMatching('batch too large') });
  });

  it('hands the sends of a batch to the pool in order', async () => {
    rpc.chain.submitted.length = 0;
    const raws = await Promise.all(Array.from({ length: 10 }, (_, nonce) => signTransfer({ nonce })));
    const answers = await batch(...raws.map((raw, id) => request('eth_sendRawTransaction', [raw], id)));
    const hashes = raws.map((raw) => toKey(keccak256(fromHex(raw))));
    expect(answers.map(({ result }) => result)).toEqual(hashes.map((hash) => `0x${hash}`));
    expect(rpc.chain.submitted).toEqual(hashes);
  });

  it('speaks the same over WebSocket', async () => {
    const client = await rpc.connect();
    client.socket.send('nonsense');
    expect((await client.until(() => client.messages[0])).error.code).toBe(-32700);
    expect((await client.call('eth_chainId')).result).toBe('0x539');
  });
});
