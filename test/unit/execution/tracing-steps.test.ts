import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { EthereumJsTracer } from '../../../src/execution/ethereumjs/tracing/ethereumjs-tracer.ts';
import type { StateView } from '../../../src/protocol/ports/state.ts';
import type { StructLoggerSpec, TraceLimits } from '../../../src/protocol/ports/tracing.ts';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import { bytesToBigInt, concatBytes, fromHex, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { STORE, words } from '../../support/contracts.ts';
import { addressOf, CHAIN_ID, CONTRACT, ETHER, SENDER, transactionWith } from '../../support/execution-harness.ts';
import { NO_LIMITS, STRUCT_LOGGER, type Trace, TraceScene } from '../../support/trace-harness.ts';
import { CALL, call, op } from '../../support/trace-programs.ts';

const OTHER = addressOf(0x41);
const LOOP_FOREVER = fromHex('0x5b5f56');
const word = (value: number) => toHex(words(value));
const toOther = { to: bytesToBigInt(OTHER), value: 0n, gas: 30_000, input: 0, output: 0, opcode: CALL };

function scene(code: Uint8Array, otherCode = fromHex('0x')): TraceScene {
  const slots = [{ key: words(1), value: words(9) }];
  return new TraceScene([
    { address: CONTRACT, nonce: 1n, code, slots },
    { address: OTHER, nonce: 1n, code: otherCode },
  ]);
}

function stepsOf(code: Uint8Array, spec: Partial<StructLoggerSpec> = {}, fields: Partial<Transaction> = {}): Promise<Trace> {
  return scene(code).transaction({ to: CONTRACT, ...fields }, { ...STRUCT_LOGGER, ...spec });
}

describe('the struct logger', () => {
  test('writes each opcode with gas, cost, depth and stack, and the STOP behind the code', async () => {
    const trace = await stepsOf(fromHex('0x6001602a01'), {}, { gasLimit: 100_000n });
    expect(trace).toEqual({
      gas: 21_009,
      failed: false,
      returnValue: '0x',
      structLogs: [
        { pc: 0, op: 'PUSH1', gas: 79_000, gasCost: 3, depth: 1, stack: [] },
        { pc: 2, op: 'PUSH1', gas: 78_997, gasCost: 3, depth: 1, stack: ['0x1'] },
        { pc: 4, op: 'ADD', gas: 78_994, gasCost: 3, depth: 1, stack: ['0x1', '0x2a'] },
        { pc: 5, op: 'STOP', gas: 78_991, gasCost: 0, depth: 1, stack: ['0x2b'] },
      ],
    });
  });

  test('has nothing to write of a transfer', async () => {
    const trace = await new TraceScene([]).transaction({ to: OTHER, value: ETHER }, STRUCT_LOGGER);
    expect(trace).toEqual({ gas: 21_000, failed: false, returnValue: '0x', structLogs: [] });
  });

  test('costs a call with the gas it passes on, and goes one deeper', async () => {
    const trace = await scene(call(toOther), fromHex('0x00')).transaction({ to: CONTRACT }, STRUCT_LOGGER);
    const [called, first] = trace.structLogs.slice(-3);
    expect(called).toMatchObject({ op: 'CALL', depth: 1, gasCost: 2_600 + 30_000 });
    expect(first).toMatchObject({ op: 'STOP', depth: 2, gas: 30_000 });
  });

  test('shows the slots of a contract as far as they were read or written', async () => {
    const code = concatBytes(op(0x54, 1), op(0x55, 2, 5), op(0x55, 1, 0));
    const { structLogs } = await stepsOf(code);
    const storages = structLogs.filter(({ op: name }: Trace) => /^S(LOAD|STORE)$/.test(name));
    expect(storages.map(({ storage }: Trace) => storage)).toEqual([
      { [word(1)]: word(9) },
      { [word(1)]: word(9), [word(2)]: word(5) },
      { [word(1)]: word(0), [word(2)]: word(5) },
    ]);
    // Clearing a slot is refunded when it is priced.
    expect(structLogs.map(({ refund }: Trace) => refund).filter(Boolean)).toEqual([4_800, 4_800]);
    expect((await stepsOf(code, { disableStorage: true })).structLogs.every((step: Trace) => !('storage' in step))).toBe(true);
  });

  test('shows memory as it was before the opcode, in words', async () => {
    const { structLogs } = await stepsOf(concatBytes(op(0x52, 32, 7), op(0x51, 64)), { enableMemory: true });
    const memories = structLogs.map(({ op: name, memory }: Trace) => [name, memory?.length ?? 0]);
    expect(memories).toEqual([
      ...[
        ['PUSH32', 0],
        ['PUSH32', 0],
        ['MSTORE', 0],
      ],
      ...[
        ['PUSH32', 2],
        ['MLOAD', 2],
        ['STOP', 3],
      ],
    ]);
    expect(structLogs[3].memory).toEqual([word(0), word(7)]);
  });

  test('shows what the last call returned', async () => {
    const returns = concatBytes(op(0x52, 0, 3), op(0xf3, 0, 32));
    const transaction = scene(call(toOther), returns).transaction.bind(scene(call(toOther), returns));
    const { structLogs } = await transaction({ to: CONTRACT }, { ...STRUCT_LOGGER, enableReturnData: true });
    expect(structLogs.at(-1)).toMatchObject({ op: 'STOP', depth: 1, returnData: word(3) });
    expect(structLogs.slice(0, -1).every((step: Trace) => !('returnData' in step))).toBe(true);
  });

  test('leaves the stack out on demand, and ends at its limit while the execution goes on', async () => {
    const trace = await stepsOf(op(0xf3, 0, 32), { disableStack: true, limit: 2 });
    expect(trace.structLogs).toHaveLength(2);
    expect(trace.structLogs.every((step: Trace) => !('stack' in step))).toBe(true);
    expect(trace).toMatchObject({ returnValue: word(0), failed: false });
  });

  test.each([
    ['0x01', 'ADD', 'stack underflow (0 <=> 2)', 3],
    ['0x620fffff51', 'MLOAD', 'out of gas', 2_195_590],
    ['0xfe', 'INVALID', undefined, 0],
    ['0x0c', 'opcode 0xc not defined', undefined, 0],
    ['0x600056', 'JUMP', undefined, 8],
  ])('ends %s at the opcode that failed', async (code, name, error, gasCost) => {
    const trace = await stepsOf(fromHex(code), {}, { gasLimit: 100_000n });
    expect(trace).toMatchObject({ failed: true, gas: 100_000, returnValue: '0x' });
    expect(trace.structLogs.at(-1)).toMatchObject({ op: name, gasCost });
    expect(trace.structLogs.at(-1).error).toBe(error);
  });

  test('gives the data of a revert as the value returned', async () => {
    const trace = await stepsOf(concatBytes(op(0x52, 0, 3), op(0xfd, 0, 32)));
    expect(trace).toMatchObject({ failed: true, returnValue: word(3) });
  });

  test('counts the refund of delegations from the first step on', async () => {
    const authority = privateKeyToAccount(`0x${'7a'.repeat(32)}`);
    const address = fromHex(authority.address.toLowerCase());
    const signed = await authority.signAuthorization({ chainId: CHAIN_ID, nonce: 0, address: toHex(CONTRACT) });
    const tuple = { address: CONTRACT, chainId: BigInt(CHAIN_ID), nonce: 0n, yParity: signed.yParity ?? 0 };
    const authorizationList = [{ ...tuple, r: BigInt(signed.r), s: BigInt(signed.s) }];
    const trace = async (balance: bigint) => {
      const traced = new TraceScene([
        { address: CONTRACT, nonce: 1n, code: fromHex('0x5f') },
        { address, balance },
      ]);
      return (await traced.transaction({ type: 4, to: CONTRACT, authorizationList }, STRUCT_LOGGER)).structLogs;
    };
    expect(await trace(1n)).toMatchObject([
      { op: 'PUSH0', refund: 12_500 },
      { op: 'STOP', refund: 12_500 },
    ]);
    // Nothing comes back for an account that is new.
    expect(await trace(0n)).toMatchObject([{ op: 'PUSH0' }, { op: 'STOP' }]);
  });
});

describe('a trace', () => {
  const traceWith = (code: Uint8Array, limits: Partial<TraceLimits>, spec: Partial<StructLoggerSpec> = {}) =>
    scene(code).transaction({ to: CONTRACT, gasLimit: 30_000_000n }, { ...STRUCT_LOGGER, ...spec }, { ...NO_LIMITS, ...limits });

  test('that takes too long is given up', async () => {
    const begun = performance.now();
    const tracing = traceWith(LOOP_FOREVER, { maxMs: 50 }, { limit: 1 });
    await expect(tracing).rejects.toMatchObject({ code: 'TRACE_TIMEOUT', message: 'execution timeout' });
    expect(performance.now() - begun).toBeLessThan(1_500);
  });

  test('that becomes too long is given up, whatever it is of', async () => {
    await expect(traceWith(LOOP_FOREVER, { maxCharacters: 10_000 })).rejects.toMatchObject({ code: 'TRACE_TOO_LARGE' });
    // A megabyte of memory in every step.
    const memory = concatBytes(op(0x52, 1_000_000, 1), LOOP_FOREVER);
    const large = traceWith(memory, { maxCharacters: 1_000_000 }, { enableMemory: true });
    await expect(large).rejects.toMatchObject({ code: 'TRACE_TOO_LARGE' });
    // Calls with 100 kB of input each.
    const calls = concatBytes(fromHex('0x5b'), call({ ...toOther, input: 100_000, gas: 0 }), fromHex('0x50600056'));
    const spec = { name: 'callTracer', onlyTopCall: false, withLog: false } as const;
    const tracing = scene(calls).transaction({ to: CONTRACT, gasLimit: 30_000_000n }, spec, {
      ...NO_LIMITS,
      maxCharacters: 5_000_000,
    });
    await expect(tracing).rejects.toMatchObject({ code: 'TRACE_TOO_LARGE' });
  });

  test('of a block bounds its transactions together', async () => {
    const block = [0n, 1n, 2n].map((nonce) => ({ transaction: transactionWith({ to: CONTRACT, nonce }), sender: SENDER }));
    const traced = scene(fromHex('0x5f5f5f'));
    const [one] = await traced.block(block.slice(0, 1), STRUCT_LOGGER);
    const length = JSON.stringify(one).length;
    await expect(traced.block(block, STRUCT_LOGGER, { ...NO_LIMITS, maxCharacters: 2 * length })).rejects.toMatchObject({
      code: 'TRACE_TOO_LARGE',
    });
    expect(await traced.block(block, STRUCT_LOGGER, { ...NO_LIMITS, maxCharacters: 3 * length })).toHaveLength(3);
  });

  test('changes nothing, and sees what the transactions before it did', async () => {
    const traced = scene(STORE);
    const signed = (nonce: bigint, ...values: number[]) => ({
      transaction: transactionWith({ to: CONTRACT, nonce, data: words(...values) }),
      sender: SENDER,
    });
    const block = { parentState: traced.state, env: traced.env, transactions: [signed(0n, 1, 5), signed(1n, 1, 6)] };
    const trace = JSON.parse(await traced.tracer.traceTransaction(block, 1, STRUCT_LOGGER, NO_LIMITS));
    // A slot that was written before in the same block, but not by this transaction: a reset from what that left.
    expect(trace.structLogs.find((step: Trace) => step.op === 'SSTORE')).toMatchObject({ gasCost: 5_000 });
    expect(traced.state.getStorage(CONTRACT, words(1))).toEqual(words(9));
    expect(traced.state.getAccount(SENDER)?.nonce).toBe(0n);
  });

  test('of an old block finds hashes of its ancestors in the state', async () => {
    const { state, env } = scene(op(0x40, 5));
    const tracer = new EthereumJsTracer({ chainId: CHAIN_ID }, { blockHash: () => undefined });
    // The system call of block 6, whose parent that was, wrote it; block 7 writes its own parent's.
    const hash = new Uint8Array(32).fill(0x55);
    const parentState: StateView = {
      getAccount: (address) => state.getAccount(address),
      getStorage: (address, key) => (toHex(key) === word(5) ? hash : state.getStorage(address, key)),
      getCode: (codeHash) => state.getCode(codeHash),
      storageOf: (address) => state.storageOf(address),
    };
    const transactions = [{ transaction: transactionWith({ to: CONTRACT }), sender: SENDER }];
    const [trace] = await tracer.traceBlock({ parentState, env, transactions }, STRUCT_LOGGER, NO_LIMITS);
    expect(JSON.parse(trace as string).structLogs.at(-1)).toMatchObject({ op: 'STOP', stack: [toHex(hash)] });
  });

  test('on a state that is forgotten meanwhile says so', async () => {
    const { state, env, tracer } = scene(op(0x54, 1));
    const forgotten = () => {
      throw new StrobeError('STATE_FORGOTTEN', 'gone');
    };
    const reads = { count: 0 };
    const goneLater = (address: Uint8Array) => (reads.count++ < 6 ? state.getAccount(address) : forgotten());
    const parentState: StateView = {
      getAccount: goneLater,
      getStorage: (address, key) => state.getStorage(address, key),
      getCode: (hash) => state.getCode(hash),
      storageOf: (address) => state.storageOf(address),
    };
    const transactions = [{ transaction: transactionWith({ to: CONTRACT }), sender: SENDER }];
    const tracing = tracer.traceBlock({ parentState, env, transactions }, STRUCT_LOGGER, NO_LIMITS);
    await expect(tracing).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
    expect(reads.count).toBeGreaterThan(6);
  });

  test('of a transaction that cannot be in its block says why', async () => {
    const tracing = scene(STORE).transaction({ to: CONTRACT, nonce: 5n }, STRUCT_LOGGER);
    await expect(tracing).rejects.toMatchObject({
      code: 'TRACE_FAILED',
      message: expect.stringMatching(/^tracing failed: nonce too high/),
    });
  });
});
