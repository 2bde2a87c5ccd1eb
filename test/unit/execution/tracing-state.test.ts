import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import type { PrestateTracerSpec } from '../../../src/protocol/ports/tracing.ts';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import { bytesToBigInt, concatBytes, fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { initCodeOf, SELF_DESTRUCT_INIT, STORE, words } from '../../support/contracts.ts';
import {
  type Allocation,
  addressOf,
  CHAIN_ID,
  COINBASE,
  CONTRACT,
  ENV,
  ETHER,
  SENDER,
  transactionWith,
} from '../../support/execution-harness.ts';
import { NO_LIMITS, PRESTATE_TRACER, type Trace, TraceScene } from '../../support/trace-harness.ts';
import { CALL, call, op } from '../../support/trace-programs.ts';

const OTHER = addressOf(0x41);
const [sender, contract, other, coinbase] = [SENDER, CONTRACT, OTHER, COINBASE].map(toHex) as [string, string, string, string];
const word = (value: number) => toHex(words(value));
const RICH = `0x${(1_000n * ETHER).toString(16)}`;
const HOLDER: Allocation = {
  address: CONTRACT,
  nonce: 1n,
  balance: 10n,
  code: STORE,
  slots: [{ key: words(1), value: words(9) }],
};

function stateOf(
  allocations: Allocation[],
  spec: Partial<PrestateTracerSpec>,
  fields: Partial<Transaction> = {},
): Promise<Trace> {
  return new TraceScene(allocations).transaction({ to: CONTRACT, ...fields }, { ...PRESTATE_TRACER, ...spec });
}

describe('prestateTracer shows', () => {
  test('what was touched as it was before, without accounts that were empty', async () => {
    const trace = await stateOf([HOLDER], {}, { data: words(1, 5, 2, 6) });
    expect(trace).toEqual({
      [sender]: { balance: RICH },
      [contract]: {
        ...{ balance: '0xa', nonce: 1, code: toHex(STORE), codeHash: toHex(keccak256(STORE)) },
        storage: { [word(1)]: word(9), [word(2)]: word(0) },
      },
    });
  });

  test('with includeEmpty those too', async () => {
    const trace = await stateOf([HOLDER], { includeEmpty: true });
    expect(trace[coinbase]).toEqual({ balance: '0x0' });
  });

  test('accounts that opcodes look at, call, create or pay', async () => {
    const looked = [0x50, 0x51, 0x52, 0x53].map(addressOf);
    const [balance, size, hash, heir] = looked.map(bytesToBigInt) as [bigint, bigint, bigint, bigint];
    const callee = { opcode: CALL, to: bytesToBigInt(OTHER), value: 0n, gas: 0, input: 0, output: 0 };
    const code = concatBytes(op(0x31, balance), op(0x3b, size), op(0x3f, hash), call(callee), op(0xf0, 0, 0, 0), op(0xff, heir));
    const funded = [...looked, OTHER].map((address) => ({ address, balance: 1n }));
    const trace = await stateOf([{ address: CONTRACT, nonce: 1n, code }, ...funded], {});
    expect(Object.keys(trace).sort()).toEqual([sender, contract, other, ...looked.map(toHex)].sort());
  });

  test('neither code nor storage on demand', async () => {
    const trace = await stateOf([HOLDER], { disableCode: true, disableStorage: true }, { data: words(1, 5) });
    expect(trace[contract]).toEqual({ balance: '0xa', nonce: 1, codeHash: toHex(keccak256(STORE)) });
  });
});

describe('prestateTracer in diff mode shows', () => {
  const diff = (allocations: Allocation[], fields: Partial<Transaction> = {}, spec: Partial<PrestateTracerSpec> = {}) =>
    stateOf(allocations, { diffMode: true, ...spec }, fields);

  test('what changed, before and after, slot by slot', async () => {
    const { pre, post } = await diff([HOLDER], { data: words(1, 0, 2, 6), value: 3n });
    expect(pre[contract]).toMatchObject({ balance: '0xa', nonce: 1, storage: { [word(1)]: word(9) } });
    // A slot that was cleared is in `pre` alone.
    expect(post[contract]).toEqual({ balance: '0xd', storage: { [word(2)]: word(6) } });
    expect(pre[sender]).toEqual({ balance: RICH });
    expect(post[sender]).toEqual({ balance: expect.stringMatching(/^0x/), nonce: 1 });
    // It was empty before.
    expect(pre).not.toHaveProperty(coinbase);
    expect(post).toHaveProperty(coinbase);
  });

  test('nothing of what was only read, nor of what was undone', async () => {
    const untouched = await diff([HOLDER], { data: words(1, 9) });
    expect(untouched.pre).not.toHaveProperty(contract);
    const undone = await diff([{ ...HOLDER, code: concatBytes(op(0x55, 1, 4), op(0xfd, 0, 0)) }], { value: 3n });
    expect(undone.post).not.toHaveProperty(contract);
  });

  test('a creation in `post` alone', async () => {
    const { pre, post } = await diff([], { to: undefined, data: initCodeOf(STORE) });
    const created = '0x46445a2662352b7a4c7b05b94c71171bd759bd2e';
    expect(pre).not.toHaveProperty(created);
    expect(post[created]).toEqual({ nonce: 1, code: toHex(STORE), codeHash: toHex(keccak256(STORE)) });
    const { post: short } = await diff([], { to: undefined, data: initCodeOf(STORE) }, { disableCode: true });
    expect(short[created]).toEqual({ nonce: 1, codeHash: toHex(keccak256(STORE)) });
  });

  test('that a contract outlives its SELFDESTRUCT unless it was created in the same transaction', async () => {
    const heir = op(0xff, bytesToBigInt(OTHER));
    const { pre, post } = await diff([{ ...HOLDER, code: heir }]);
    expect(pre[contract]).toMatchObject({ balance: '0xa' });
    expect(post[contract]).toEqual({ balance: '0x0' });
    expect(post[other]).toEqual({ balance: '0xa' });
    const created = await diff([], { to: undefined, data: SELF_DESTRUCT_INIT });
    expect(Object.keys({ ...created.pre, ...created.post }).sort()).toEqual([sender, coinbase].sort());
  });

  test('delegations that are set and ended, with whom they are to', async () => {
    const authority = privateKeyToAccount(`0x${'7a'.repeat(32)}`);
    const address = fromHex(authority.address.toLowerCase());
    const tuple = async (to: Uint8Array, nonce: number) => {
      const signed = await authority.signAuthorization({ chainId: CHAIN_ID, nonce, address: toHex(to) });
      const chainId = BigInt(CHAIN_ID);
      return {
        address: to,
        chainId,
        nonce: BigInt(nonce),
        yParity: signed.yParity ?? 0,
        r: BigInt(signed.r),
        s: BigInt(signed.s),
      };
    };
    const delegation = concatBytes(fromHex('0xef0100'), CONTRACT);
    const set = await diff([HOLDER, { address, balance: 1n }], {
      type: 4,
      to: OTHER,
      authorizationList: [await tuple(CONTRACT, 0)],
    });
    expect(set.post[toHex(address)]).toEqual({ nonce: 1, code: toHex(delegation), codeHash: toHex(keccak256(delegation)) });
    const delegated = { address, nonce: 1n, code: delegation };
    const ended = await diff([HOLDER, delegated], {
      type: 4,
      to: OTHER,
      authorizationList: [await tuple(new Uint8Array(20), 1)],
    });
    expect(ended.pre[toHex(address)]).toEqual({
      balance: '0x0',
      nonce: 1,
      code: toHex(delegation),
      codeHash: toHex(keccak256(delegation)),
    });
    expect(ended.post[toHex(address)]).toEqual({ nonce: 2, code: '0x', codeHash: toHex(keccak256(fromHex('0x'))) });
    // Whose code runs is touched as well.
    const called = await stateOf([HOLDER, delegated], {}, { to: address });
    expect(Object.keys(called).sort()).toEqual([sender, toHex(address), contract].sort());
  });
});

describe('a traced call', () => {
  test('pays as a transaction does, when it offers fees', async () => {
    const scene = new TraceScene([HOLDER]);
    const spec = { ...PRESTATE_TRACER, diffMode: true };
    const free = await scene.call({ data: words(1, 5) }, spec);
    expect(free.post[sender]).toEqual({ nonce: 1 });
    expect(free.post[contract]).toEqual({ storage: { [word(1)]: word(5) } });
    const gasPrice = ENV.baseFeePerGas + 7n;
    const request = { to: OTHER, gas: 100_000n, maxFeePerGas: gasPrice, maxPriorityFeePerGas: gasPrice };
    const { post } = await scene.call(request, spec);
    expect(post[sender].balance).toBe(`0x${(1_000n * ETHER - 21_000n * gasPrice).toString(16)}`);
    expect(post[coinbase].balance).toBe(`0x${(21_000n * 7n).toString(16)}`);
  });

  test('runs on overridden state, and in front of a transaction of its block', async () => {
    const scene = new TraceScene([HOLDER]);
    const { state, env, tracer } = scene;
    const request = { from: SENDER, to: CONTRACT, gas: undefined, maxFeePerGas: undefined, maxPriorityFeePerGas: undefined };
    const rest = { value: 0n, data: words(1, 5), accessList: [], authorizationList: [] };
    const overrides = [{ address: CONTRACT, stateDiff: [{ key: words(1), value: words(77) }] }];
    const call = { request: { ...request, ...rest }, position: { state, env }, overrides };
    const trace = JSON.parse(await tracer.traceCall(call, PRESTATE_TRACER, NO_LIMITS));
    expect(trace[contract].storage).toEqual({ [word(1)]: word(77) });
    const first = { transaction: transactionWith({ to: CONTRACT, data: words(1, 33) }), sender: SENDER };
    const before = { parentState: state, env, transactions: [first] };
    const later = JSON.parse(await tracer.traceCall({ ...call, overrides: [], before }, PRESTATE_TRACER, NO_LIMITS));
    expect(later[contract].storage).toEqual({ [word(1)]: word(33) });
    expect(later[sender].nonce).toBe(1);
  });

  test('that cannot begin says why', async () => {
    const call = new TraceScene([]).call({ value: 10n ** 30n, to: OTHER }, PRESTATE_TRACER);
    await expect(call).rejects.toMatchObject({ code: 'TRACE_FAILED', message: expect.stringContaining('insufficient funds') });
  });
});
