import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RpcAnswer, RpcHarness } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness();
beforeAll(() => rpc.start());
afterAll(() => rpc.stop());

const MIB = 1024 * 1024;
const CHAIN_ID = '0x539';
const withId = (id: string): string => `{"jsonrpc":"2.0","id":${id},"method":"eth_chainId"}`;
const withParams = (params: string): string => `{"jsonrpc":"2.0","id":1,"method":"eth_chainId","params":${params}}`;

describe('ids (specification, section 4)', () => {
  it.each(['{}', '{"a":1}', '[]', '[1]', 'true', 'false'])('refuses %s and answers with null', async (id) => {
    expect(await rpc.answer(withId(id))).toMatchObject({ id: null, error: { code: -32600 } });
  });

  it.each([
    '9007199254740993',
    '18446744073709551615',
    '-9007199254740993',
    '0.30000000000000004441',
    '1.5',
    '1e400',
    '"1"',
    '""',
    '"\\u0000\\ud800"',
    'null',
  ])('gives %s back as it is', async (id) => {
    const text = await (await rpc.post(withId(id))).text();
    expect(text).toBe(`{"jsonrpc":"2.0","id":${id},"result":"${CHAIN_ID}"}`);
  });

  it('gives long numbers of a batch back, and leaves those in parameters alone', async () => {
    const call = '{"jsonrpc":"2.0","id":9007199254740993,"method":"eth_call","params":[{"id":9007199254740993,"data":"0x12"}]}';
    const text = await (await rpc.post(`[${call},${withId('3')},7]`)).text();
    expect(text).toMatch(/^\[\{"jsonrpc":"2.0","id":9007199254740993,"result":"0x12"\},\{"jsonrpc":"2.0","id":3,/);
  });

  it('answers two requests with one id twice', async () => {
    const answers = (await rpc.answer(`[${withId('1')},${withId('1')}]`)) as unknown as RpcAnswer[];
    expect(answers.map(({ id, result }) => [id, result])).toEqual([
      [1, CHAIN_ID],
      [1, CHAIN_ID],
    ]);
  });
});

describe('members', () => {
  it('counts the last of two that have one name', async () => {
    const answer = await rpc.answer(
      '{"jsonrpc":"1.0","id":1,"id":2,"method":"eth_nothing","method":"eth_chainId","jsonrpc":"2.0"}',
    );
    expect(answer).toEqual({ jsonrpc: '2.0', id: 2, result: CHAIN_ID });
  });

  it('ignores those it does not know', async () => {
    expect((await rpc.answer('{"jsonrpc":"2.0","id":1,"method":"eth_chainId","extra":{"a":[1]}}')).result).toBe(CHAIN_ID);
  });

  it.each([
    '{"jsonrpc":"2.0","id":1,"__proto__":{"method":"eth_chainId"}}',
    '{"jsonrpc":"2.0","id":1,"method":"__proto__"}',
    '{"id":1,"method":"eth_chainId","__proto__":{"jsonrpc":"2.0"}}',
  ])('takes nothing from a prototype: %s', async (text) => {
    expect((await rpc.answer(text)).error?.code).toBeLessThanOrEqual(-32600);
    expect(({} as Record<string, unknown>)['method']).toBeUndefined();
  });

  it('takes __proto__ in parameters for a name like any other', async () => {
    const call = (object: string): string => `{"jsonrpc":"2.0","id":1,"method":"eth_call","params":[${object}]}`;
    const answer = await rpc.answer(call('{"__proto__":{"data":"0x55"},"constructor":1,"data":"0x12"}'));
    expect(answer.result).toBe('0x12');
    expect((await rpc.answer(call('{},"latest",{"__proto__":{"balance":"0x1"}}'))).error?.code).toBe(-32602);
  });

  it.each([
    ['{"jsonrpc":2.0,"id":1,"method":"eth_chainId"}', 1],
    ['{"jsonrpc":"2.0","id":7,"method":{"name":"eth_chainId"}}', 7],
    ['{"jsonrpc":"2.0","id":"x","method":["eth_chainId"]}', 'x'],
    ['{"jsonrpc":"2.0","id":1,"method":null}', 1],
    ['{"jsonrpc":"2.0","id":1}', 1],
    ['{"jsonrpc":"2.0","method":1,"params":"bar"}', null],
    ['{}', null],
    ['"eth_chainId"', null],
    ['true', null],
  ])('refuses %s and answers with id %j', async (text, id) => {
    expect(await rpc.answer(text)).toMatchObject({ id, error: { code: -32600 } });
  });

  it('does not run a method whose name differs', async () => {
    for (const name of ['eth_chainid', 'eth_chainId ', 'ETH_CHAINID', 'eth.chainId', '', 'rpc.discover']) {
      expect((await rpc.answer(JSON.stringify({ jsonrpc: '2.0', id: 1, method: name }))).error?.code).toBe(-32601);
    }
  });

  it('repeats no more than 64 characters of an unknown name', async () => {
    const { error } = await rpc.answer(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'x'.repeat(MIB) }));
    expect(error?.message.length).toBeLessThan(130);
  });
});

describe('parameters', () => {
  it.each(['{}', '{"address":"0x00"}', '1', '"0x"', 'true'])(
    'refuses %s: they come by position here, as with geth',
    async (params) => {
      expect((await rpc.answer(withParams(params))).error?.code).toBe(-32602);
    },
  );

  it.each(['null', '[]', '[null]', '[null,null,null]'])('takes %s for none', async (params) => {
    expect((await rpc.answer(withParams(params))).result).toBe(CHAIN_ID);
  });
});

describe('text that is no JSON', () => {
  it.each([
    ['trailing garbage', `${withId('1')}x`],
    ['a second message', `${withId('1')}${withId('2')}`],
    ['a trailing comma', '{"jsonrpc":"2.0","id":1,"method":"eth_chainId",}'],
    ['a comment', `/**/${withId('1')}`],
    ['single quotes', withId('1').replaceAll('"', "'")],
    ['a byte order mark', `\ufeff${withId('1')}`],
    ['a number with a leading zero', withId('01')],
    ['NaN', withId('NaN')],
    ['a bare control character', withId('"\u0001"')],
    ['nothing but white space', ' \n\t'],
  ])('refuses %s', async (_, text) => {
    expect(await rpc.answer(text)).toEqual({ jsonrpc: '2.0', id: null, error: { code: -32700, message: 'parse error' } });
  });

  it('takes white space around it', async () => {
    expect((await rpc.answer(`\r\n\t ${withId('1')} \n`)).result).toBe(CHAIN_ID);
  });

  it.each([
    ['a lone continuation byte', [0x80]],
    ['an overlong slash', [0xc0, 0xaf]],
    ['half a character', [0xe2, 0x82]],
    ['UTF-16', [0xff, 0xfe]],
  ])('refuses %s, rather than answer with another id than was sent', async (_, bytes) => {
    const [before, after] = withId('"@"').split('@') as [string, string];
    const body = Buffer.concat([Buffer.from(before), Buffer.from(bytes), Buffer.from(after)]);
    const response = await fetch(rpc.httpUrl, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
    expect(await response.json()).toMatchObject({ id: null, error: { code: -32700 } });
  });
});

describe('large and deep messages', () => {
  const nested = (depth: number): string => `${'['.repeat(depth)}${']'.repeat(depth)}`;

  it('takes 128 levels and refuses more, whatever is in strings', async () => {
    // The request and its parameters are two of them.
    expect((await rpc.answer(withParams(`[null,${nested(126)}]`))).error?.code).toBe(-32602);
    const answer = await rpc.answer(withParams(`[null,${nested(127)}]`));
    expect(answer.error).toEqual({ code: -32700, message: 'parse error: nested deeper than 128 levels' });
    expect((await rpc.answer(withId(`"${'[{'.repeat(500)}"`))).result).toBe(CHAIN_ID);
    expect((await rpc.answer(withId(`"\\\\\\"${'['.repeat(500)}"`))).result).toBe(CHAIN_ID);
  });

  it.each([
    ['opening brackets', '['.repeat(5 * MIB)],
    ['brackets', nested(2.5 * MIB)],
    ['objects', `${'{"a":'.repeat(800_000)}1${'}'.repeat(800_000)}`],
  ])('survives 5 MiB of %s', async (_, text) => {
    expect((await rpc.answer(text)).error?.code).toBe(-32700);
    expect((await rpc.answer(withId('1'))).result).toBe(CHAIN_ID);
  });

  it('survives a string, a number, a name and a batch of 5 MiB', async () => {
    const long = 5 * MIB - 200;
    const bigString = await rpc.answer(withId(`"${'a'.repeat(long)}"`));
    expect(String(bigString.id)).toHaveLength(long);
    expect((await rpc.answer(withParams(`[${'9'.repeat(long)}]`))).error?.code).toBe(-32602);
    expect((await rpc.answer(withParams(`[{"${'k'.repeat(long)}":1}]`))).error?.message.length).toBeLessThan(200);
    expect((await rpc.answer(`[${'1,'.repeat(long / 2)}1]`)).error?.message).toMatch('batch too large');
    expect(
      (await rpc.answer(`{"jsonrpc":"2.0","id":1,"method":"web3_sha3","params":["0x${'00'.repeat(long / 2)}"]}`)).result,
    ).toHaveLength(66);
  });
});

describe('batches (specification, section 6)', () => {
  it('answers the invalid ones in their places', async () => {
    const answers = (await rpc.answer(`[1,${withId('1')},{},null,[${withId('2')}],{"foo":"boo"}]`)) as unknown as RpcAnswer[];
    expect(answers.map(({ id, error }) => [id, error?.code])).toEqual([
      [null, -32600],
      [1, undefined],
      [null, -32600],
      [null, -32600],
      [null, -32600],
      [null, -32600],
    ]);
  });

  it('answers invalid requests that have no id, which are no notifications', async () => {
    expect(await rpc.answer('[{"method":"eth_chainId"}]')).toMatchObject([{ id: null, error: { code: -32600 } }]);
  });

  it('says nothing about notifications, failed ones too', async () => {
    const response = await rpc.post(
      '[{"jsonrpc":"2.0","method":"eth_nothing"},{"jsonrpc":"2.0","method":"eth_getBalance","params":[1]}]',
    );
    expect([response.status, await response.text()]).toEqual([204, '']);
  });
});
