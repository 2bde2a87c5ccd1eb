import { describe, expect, test } from 'vitest';
import { bigIntToBytes32, bytesToBigInt, concatBytes, fromHex, toHex } from '../../../src/util/bytes.ts';
import { initCodeOf, LOG, REVERT, SELF_DESTRUCT_INIT, STORE, words } from '../../support/contracts.ts';
import { addressOf, CONTRACT, ETHER, SENDER, transactionWith } from '../../support/execution-harness.ts';
import { CALL_TRACER, type Trace, TraceScene } from '../../support/trace-harness.ts';
import { CALL, CALLCODE, call, DELEGATECALL, op, STATICCALL } from '../../support/trace-programs.ts';

const OTHER = addressOf(0x41);
const [sender, contract, other] = [SENDER, CONTRACT, OTHER].map(toHex);
const IDENTITY = 4n;
const GAS = 50_000;
const plainCall = { to: bytesToBigInt(OTHER), value: 0n, gas: GAS, input: 0, output: 0 };
/** Error("no way") */
const REASON = concatBytes(
  fromHex('0x08c379a0'),
  words(0x20, 6),
  fromHex(`0x${Buffer.from('no way').toString('hex').padEnd(64, '0')}`),
);
/** Reverts with what it is called with. */
const REVERT_INPUT = fromHex('0x365f5f37365ffd');

/** The trace of a call of CONTRACT, which runs `code`, and of OTHER if it calls that. */
async function traceOf(code: Uint8Array, otherCode = fromHex('0x'), spec = {}, fields = {}): Promise<Trace> {
  const scene = new TraceScene([
    { address: CONTRACT, nonce: 1n, balance: 10n, code },
    { address: OTHER, nonce: 1n, code: otherCode },
  ]);
  return scene.transaction({ to: CONTRACT, ...fields }, { ...CALL_TRACER, ...spec });
}

describe('callTracer shows', () => {
  test('a transfer', async () => {
    const trace = await new TraceScene([]).transaction({ to: OTHER, value: 5n, gasLimit: 30_000n }, CALL_TRACER);
    expect(trace).toEqual({
      type: 'CALL',
      ...{ from: sender, to: other, value: '0x5', gas: '0x7530', gasUsed: '0x5208', input: '0x' },
    });
  });

  test.each([
    ['CALL', CALL, { from: contract, value: '0x0' }],
    ['CALLCODE', CALLCODE, { from: contract, value: '0x0' }],
    ['DELEGATECALL', DELEGATECALL, { from: contract, value: '0x7' }],
    ['STATICCALL', STATICCALL, { from: contract }],
  ])('%s with its gas, input and output', async (type, opcode, fields) => {
    // Returns one word of its input.
    const { calls } = await traceOf(
      concatBytes(op(0x52, 0, 0x1234), call({ ...plainCall, opcode, input: 32 })),
      fromHex('0x5f355f5260205ff3'),
      {},
      { value: 7n },
    );
    const word = toHex(words(0x1234));
    expect(calls).toEqual([
      { type, ...fields, to: other, gas: '0xc350', gasUsed: expect.any(String), input: word, output: word },
    ]);
  });

  test('the stipend that a call with value gets, and a precompile as a frame', async () => {
    const { calls } = await traceOf(
      concatBytes(
        call({ ...plainCall, opcode: CALL, value: 3n }),
        call({ ...plainCall, opcode: STATICCALL, to: IDENTITY, input: 32 }),
      ),
    );
    expect(calls).toMatchObject([
      { type: 'CALL', value: '0x3', gas: `0x${(GAS + 2_300).toString(16)}`, gasUsed: '0x0' },
      { type: 'STATICCALL', to: `0x${'4'.padStart(40, '0')}`, gasUsed: '0x12', output: `0x${'00'.repeat(32)}` },
    ]);
  });

  test('a creation with its code, and its address before it is known to anyone', async () => {
    const trace = await new TraceScene([]).transaction({ to: undefined, data: initCodeOf(STORE) }, CALL_TRACER);
    expect(trace).toMatchObject({
      type: 'CREATE',
      from: sender,
      input: toHex(initCodeOf(STORE)),
      output: toHex(STORE),
      value: '0x0',
    });
    expect(trace.to).toBe('0x46445a2662352b7a4c7b05b94c71171bd759bd2e');
  });

  test('CREATE and CREATE2, of which a failed one has no address', async () => {
    const store = (code: Uint8Array) => concatBytes(Uint8Array.of(0x7f), code, new Uint8Array(32 - code.length), op(0x52, 0));
    const { calls } = await traceOf(
      concatBytes(
        store(fromHex('0x60015ff3')),
        op(0xf0, 1, 0, 4),
        op(0xf5, 0, 0, 4, 9),
        store(fromHex('0xfe')),
        op(0xf0, 0, 0, 1),
      ),
    );
    expect(calls).toMatchObject([
      { type: 'CREATE', from: contract, value: '0x1', input: '0x60015ff3', output: '0x00' },
      { type: 'CREATE2', from: contract, value: '0x0', input: '0x60015ff3', output: '0x00' },
      { type: 'CREATE', error: 'invalid opcode: INVALID', input: '0xfe' },
    ]);
    expect(calls[0].to).toMatch(/^0x[0-9a-f]{40}$/);
    expect(calls[1].to).not.toBe(calls[0].to);
    expect(calls[2]).not.toHaveProperty('to');
    expect(calls[2]).not.toHaveProperty('output');
  });

  test('SELFDESTRUCT with what it moves', async () => {
    const { calls } = await traceOf(op(0xff, bytesToBigInt(OTHER)));
    expect(calls).toEqual([
      { type: 'SELFDESTRUCT', from: contract, to: other, gas: '0x0', gasUsed: '0x0', input: '0x', value: '0xa' },
    ]);
    const created = await new TraceScene([]).transaction({ to: undefined, data: SELF_DESTRUCT_INIT }, CALL_TRACER);
    expect(created.calls).toMatchObject([{ type: 'SELFDESTRUCT', to: sender }]);
  });

  test('a call that fails for want of balance, and a creation', async () => {
    const { calls, error } = await traceOf(
      concatBytes(call({ ...plainCall, opcode: CALL, value: 11n }), op(0xf0, 11, 0, 0), call({ ...plainCall, opcode: CALL })),
    );
    expect(error).toBeUndefined();
    expect(calls).toMatchObject([
      { type: 'CALL', to: other, value: '0xb', gasUsed: '0x0', error: 'insufficient balance for transfer' },
      { type: 'CREATE', value: '0xb', gasUsed: '0x0', error: 'insufficient balance for transfer' },
      { type: 'CALL', to: other, value: '0x0' },
    ]);
    expect(calls).toHaveLength(3);
  });

  test('the last frame that the depth allows, and one more', async () => {
    // Calls itself with all its gas.
    const code = fromHex('0x5f5f5f5f5f305af1');
    const trace = await traceOf(code, undefined, {}, { gasLimit: 30_000_000n });
    let [frame, depth] = [trace, 0];
    for (; frame.calls !== undefined; depth++) frame = frame.calls.at(-1);
    expect([depth > 100, frame.error]).toEqual([true, 'out of gas']);
    const deep = new TraceScene([{ address: CONTRACT, nonce: 1n, code }]);
    const free = await deep.call({ gas: 10n ** 12n }, CALL_TRACER).catch(() => undefined);
    expect(free).toBeDefined();
  });

  test.each([
    ['invalid opcode: INVALID', '0xfe'],
    ['invalid opcode: opcode 0xc not defined', '0x0c'],
    ['stack underflow (0 <=> 2)', '0x01'],
    ['stack underflow (1 <=> 3)', '0x5f37'],
    ['stack limit reached 1024 (1023)', '0x5b5f5f56'],
    ['invalid jump destination', '0x600056'],
    ['return data out of bounds', '0x60015f5f3e'],
    ['out of gas', '0x620fffff51'],
  ])('the error "%s"', async (error, code) => {
    const trace = await traceOf(fromHex(code), undefined, {}, { gasLimit: 100_000n });
    expect(trace).toMatchObject({ error, gasUsed: '0x186a0' });
    expect(trace).not.toHaveProperty('output');
  });

  test.each([
    ['write protection', STATICCALL, STORE, 60],
    ['out of gas: not enough gas for reentrancy sentry', CALL, op(0x55, 1, 1), 2_000],
    ['out of gas', CALL, op(0x55, 1, 1), 2_400],
  ])('"%s" of a called contract', async (error, opcode, code, gas) => {
    const input = opcode === STATICCALL ? { input: 64, gas: GAS } : { gas };
    const { calls } = await traceOf(call({ ...plainCall, opcode, ...input }), code);
    expect(calls).toMatchObject([{ error, gasUsed: `0x${(input.gas ?? GAS).toString(16)}` }]);
  });

  test('a creation whose code is not paid, is too large, or begins with 0xef', async () => {
    const scene = new TraceScene([]);
    const trace = async (data: Uint8Array, gasLimit = 2_000_000n) =>
      (await scene.transaction({ to: undefined, data, gasLimit }, CALL_TRACER)).error;
    // RETURN of 5,000 zero bytes costs a million; of 24,577 more than there may be.
    expect(await trace(fromHex('0x6113885ff3'), 500_000n)).toBe('contract creation code storage out of gas');
    expect(await trace(fromHex('0x6160015ff3'), 10_000_000n)).toBe('max code size exceeded');
    expect(await trace(fromHex('0x60ef5f5360015ff3'))).toBe('invalid code: must not begin with 0xef');
  });

  test('a revert with its output and reason', async () => {
    const trace = await traceOf(concatBytes(REVERT_INPUT), undefined, {}, { data: REASON });
    expect(trace).toMatchObject({ error: 'execution reverted', output: toHex(REASON), revertReason: 'no way' });
    const plain = await traceOf(REVERT);
    expect(plain.error).toBe('execution reverted');
    expect(plain).not.toHaveProperty('output');
    expect(plain).not.toHaveProperty('revertReason');
  });

  test('with onlyTopCall the outermost frame alone', async () => {
    const code = call({ ...plainCall, opcode: CALL });
    expect(await traceOf(code)).toHaveProperty('calls');
    expect(await traceOf(code, undefined, { onlyTopCall: true })).not.toHaveProperty('calls');
  });
});

describe('callTracer withLog shows', () => {
  const log = (topic: number) => op(0xa1, 0, 0, topic);
  const topics = (logs: Trace[]) => logs.map(({ topics: [topic] }) => Number(topic));

  test('logs in their frames, with their place among calls and in the block', async () => {
    const code = concatBytes(log(1), call({ ...plainCall, opcode: CALL, input: 0 }), log(2));
    const scene = new TraceScene([
      { address: CONTRACT, nonce: 1n, code },
      { address: OTHER, nonce: 1n, code: log(7) },
    ]);
    const signed = (nonce: bigint) => ({ transaction: transactionWith({ to: CONTRACT, nonce }), sender: SENDER });
    const [first, second] = await scene.block([signed(0n), signed(1n)], { ...CALL_TRACER, withLog: true });
    expect(first.logs).toEqual([
      { address: contract, topics: [toHex(words(1))], data: '0x', index: '0x0', position: '0x0' },
      { address: contract, topics: [toHex(words(2))], data: '0x', index: '0x2', position: '0x1' },
    ]);
    expect(first.calls[0].logs).toMatchObject([{ address: other, index: '0x1', position: '0x0' }]);
    expect(second.logs).toMatchObject([{ index: '0x3' }, { index: '0x5' }]);
  });

  test('none of a frame that failed, nor of those it called', async () => {
    const scene = (end: Uint8Array) =>
      traceOf(concatBytes(log(1), call({ ...plainCall, opcode: CALL }), log(2), end), concatBytes(log(7), op(0xfd, 0, 0)), {
        withLog: true,
      });
    const inner = await scene(fromHex('0x00'));
    expect(topics(inner.logs)).toEqual([1, 2]);
    expect(inner.logs.map(({ index }: Trace) => index)).toEqual(['0x0', '0x1']);
    expect(inner.calls[0]).not.toHaveProperty('logs');
    expect(await scene(fromHex('0xfe'))).not.toHaveProperty('logs');
  });

  test('with onlyTopCall those of the outermost frame, numbered as in the receipt', async () => {
    const trace = await traceOf(concatBytes(call({ ...plainCall, opcode: CALL }), log(2)), log(7), {
      withLog: true,
      onlyTopCall: true,
    });
    expect(trace.logs).toMatchObject([{ topics: [toHex(words(2))], index: '0x1', position: '0x0' }]);
  });

  test('the log of a contract as its receipt has it', async () => {
    const trace = await traceOf(LOG, undefined, { withLog: true }, { data: words(5, 6) });
    expect(trace.logs).toMatchObject([{ topics: [toHex(words(5))], data: toHex(words(6)) }]);
  });
});

test('4byteTracer counts selectors of calls, without creations and precompiles', async () => {
  const selector = 0x11223344n << 224n;
  const code = concatBytes(
    op(0x52, 0, selector),
    call({ ...plainCall, opcode: CALL, input: 4 }),
    call({ ...plainCall, opcode: DELEGATECALL, input: 4 }),
    call({ ...plainCall, opcode: STATICCALL, input: 36 }),
    call({ ...plainCall, opcode: CALL, input: 3 }),
    call({ ...plainCall, opcode: CALL, to: IDENTITY, input: 4 }),
    op(0xf0, 0, 0, 4),
  );
  const scene = new TraceScene([{ address: CONTRACT, nonce: 1n, code }]);
  const trace = await scene.transaction({ to: CONTRACT, data: fromHex('0xaabbccdd01') }, { name: '4byteTracer' });
  expect(trace).toEqual({ '0xaabbccdd-1': 1, '0x11223344-0': 2, '0x11223344-32': 1 });
});

test('muxTracer gives the results of several tracers by name, noopTracer none', async () => {
  const scene = new TraceScene([]);
  const tracers = [CALL_TRACER, { name: '4byteTracer' }, { name: 'noopTracer' }] as const;
  const trace = await scene.transaction({ to: OTHER, value: ETHER }, { name: 'muxTracer', tracers });
  expect(trace).toEqual({
    callTracer: await scene.transaction({ to: OTHER, value: ETHER }, CALL_TRACER),
    '4byteTracer': {},
    noopTracer: {},
  });
  expect(bigIntToBytes32(ETHER)).toHaveLength(32);
});
