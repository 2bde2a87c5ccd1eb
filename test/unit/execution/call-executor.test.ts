import { describe, expect, test } from 'vitest';
import { type CallExecutorOptions, EthereumJsCallExecutor } from '../../../src/execution/ethereumjs/call-executor.ts';
import type { CallPosition, CallRequest } from '../../../src/protocol/ports/execution.ts';
import type { StateView } from '../../../src/protocol/ports/state.ts';
import type { Account } from '../../../src/protocol/primitives.ts';
import { OverlayState } from '../../../src/state/overlay-state.ts';
import { bigIntToBytes32, bytesToBigInt, concatBytes, fromHex, toHex } from '../../../src/util/bytes.ts';
import { callRequest } from '../../support/call-requests.ts';
import { CALL, initCodeOf, LOG, STORE, words } from '../../support/contracts.ts';
import {
  type Allocation,
  addressOf,
  CHAIN_ID,
  CONTRACT,
  ENV,
  ETHER,
  SENDER,
  stateWith,
} from '../../support/execution-harness.ts';

/** Each returns one word: the opcode's value. */
const RETURN_BASEFEE = fromHex('0x485f5260205ff3');
const RETURN_GAS = fromHex('0x5a5f5260205ff3');
const RETURN_SLOT_1 = fromHex('0x6001545f5260205ff3');
const RETURN_CALLER_BALANCE = fromHex('0x33315f5260205ff3');
const RETURN_GASPRICE = fromHex('0x3a5f5260205ff3');
/** NUMBER, TIMESTAMP, BASEFEE, PREVRANDAO, slot 1 and its own balance, one word each. */
const RETURN_POSITION = fromHex('0x435f524260205248604052446060526001546080524760a05260c05ff3');
/** Fails with INVALID unless slot 1 is 10. */
const NEEDS_TEN = fromHex('0x600154600a14600a57fe5b00');
const LOOP_FOREVER = fromHex('0x5b5f56');
/** Reverts with its calldata. */
const REVERT_WITH_INPUT = fromHex('0x365f5f37365ffd');
/** Fails with INVALID when less than 200,000 gas is left. */
const NEEDS_GAS = fromHex('0x5a62030d4011600a57005bfe');
const BROKE = addressOf(0xbb);
const word = (value: number | bigint) => bigIntToBytes32(BigInt(value));

function executorWith(code: Uint8Array, options: Partial<CallExecutorOptions> = {}, ...more: Allocation[]) {
  const slots = [{ key: word(1), value: word(10) }];
  const state = stateWith({ address: CONTRACT, nonce: 1n, code, slots }, ...more);
  const executor = new EthereumJsCallExecutor({ chainId: CHAIN_ID, ...options }, { blockHash: () => undefined });
  const at: CallPosition = { state, env: ENV };
  const output = async (fields: Partial<CallRequest> = {}, overrides: Parameters<typeof executor.call>[2] = []) => {
    const outcome = await executor.call(callRequest(fields), at, overrides);
    if (outcome.kind !== 'success') throw new TypeError(`${outcome.kind} ${JSON.stringify(outcome, (_, v) => String(v))}`);
    return bytesToBigInt(outcome.output);
  };
  return { executor, state, at, output };
}

describe('call', () => {
  test('answers output, gas and logs, and changes nothing', async () => {
    const { executor, state, at } = executorWith(concatBytes(fromHex('0x6001600155'), LOG));
    const outcome = await executor.call(callRequest({ data: words(5, 6) }), at, []);
    expect(outcome).toMatchObject({ kind: 'success', logs: [{ address: CONTRACT, topics: [word(5)], data: word(6) }] });
    expect(outcome.gasUsed).toBeGreaterThan(21_000n);
    expect(state.getStorage(CONTRACT, word(1))).toEqual(word(10));
    expect(state.getAccount(SENDER)?.nonce).toBe(0n);
  });

  test('needs no balance without fees, and sees a base fee of zero then', async () => {
    const { output } = executorWith(RETURN_BASEFEE);
    expect(await output({ from: BROKE })).toBe(0n);
    expect(await output({ maxFeePerGas: 2_000n, maxPriorityFeePerGas: 1n, gas: 100_000n })).toBe(ENV.baseFeePerGas);
  });

  test('pays for its gas when fees are given', async () => {
    const fees = { maxFeePerGas: 2_000n, maxPriorityFeePerGas: 5n, gas: 100_000n };
    expect(await executorWith(RETURN_GASPRICE).output(fees)).toBe(ENV.baseFeePerGas + 5n);
    expect(await executorWith(RETURN_CALLER_BALANCE).output(fees)).toBe(1_000n * ETHER - 100_000n * (ENV.baseFeePerGas + 5n));
  });

  test.each<[string, string, Partial<CallRequest>]>([
    ['INSUFFICIENT_FUNDS', 'err: insufficient funds for gas * price + value: address 0xbbbb', { from: BROKE, value: 1n }],
    ['INSUFFICIENT_FUNDS', 'have 0 want 50000000000 (supplied gas 50000000)', { from: BROKE, maxFeePerGas: 1_000n }],
    ['FEE_TOO_LOW', 'err: max fee per gas less than block base fee', { maxFeePerGas: 999n }],
    ['INVALID_FEES', 'err: max priority fee per gas higher than max fee per gas', { maxPriorityFeePerGas: 1n }],
    ['INTRINSIC_GAS_TOO_LOW', 'err: intrinsic gas too low: have 20999, want 21000 (supplied gas 20999)', { gas: 20_999n }],
    ['INVALID_CHAIN_ID', `chainId does not match node's (have=1, want=${CHAIN_ID})`, { chainId: 1n }],
  ])('refuses with %s: %s', async (code, message, fields) => {
    const { executor, at } = executorWith(RETURN_GAS);
    await expect(executor.call(callRequest(fields), at, [])).rejects.toMatchObject({
      code,
      message: expect.stringContaining(message),
    });
  });

  test('gets at most the gas cap', async () => {
    const { output } = executorWith(RETURN_GAS, { gasCap: 100_000n });
    expect(await output({ gas: 10n ** 12n })).toBe(100_000n - 21_000n - 2n);
  });

  test.each([
    ['fe', 'invalid opcode: INVALID'],
    ['0c', 'invalid opcode: opcode 0xc not defined'],
    ['5f56', 'invalid jump destination'],
    ['01', 'stack underflow'],
    ['5b5f56', 'out of gas'],
  ])('code %s fails with "%s"', async (code, message) => {
    const { executor, at } = executorWith(fromHex(`0x${code}`));
    const outcome = await executor.call(callRequest({ gas: 100_000n }), at, []);
    expect(outcome).toEqual({ kind: 'failed', message, gasUsed: 100_000n });
  });

  test('a revert carries its output', async () => {
    const { executor, at } = executorWith(REVERT_WITH_INPUT);
    const outcome = await executor.call(callRequest({ data: fromHex('0x1234') }), at, []);
    expect(outcome).toMatchObject({ kind: 'reverted', output: fromHex('0x1234') });
  });

  test('creates a contract when there is no recipient', async () => {
    const { executor, at } = executorWith(STORE);
    const outcome = await executor.call(callRequest({ to: undefined, data: initCodeOf(STORE) }), at, []);
    expect(outcome).toMatchObject({ kind: 'success', output: STORE });
  });

  test('is stopped when it takes too long, and the next one runs', async () => {
    const { executor, at } = executorWith(LOOP_FOREVER, { maxCallMs: 20, gasCap: 10n ** 12n });
    await expect(executor.call(callRequest(), at, [])).rejects.toMatchObject({ code: 'CALL_TIMEOUT' });
    const override = { address: CONTRACT, code: RETURN_SLOT_1 };
    expect(await executor.call(callRequest(), at, [override])).toMatchObject({ kind: 'success', output: word(10) });
  });

  test('ends before anything outside the microtask queue can run, so that it sees one state', async () => {
    const { executor, at } = executorWith(CALL);
    let interrupted = false;
    setImmediate(() => {
      interrupted = true;
    });
    await executor.call(callRequest({ data: words(CONTRACT) }), at, []);
    await executor.estimateGas(callRequest({ data: words(BROKE) }), at, []);
    expect(interrupted).toBe(false);
  });

  test('calls started together do not disturb each other', async () => {
    const { output } = executorWith(RETURN_SLOT_1);
    const values = [1, 2, 3].map((value) =>
      output({}, [{ address: CONTRACT, stateDiff: [{ key: word(1), value: word(value) }] }]),
    );
    expect(await Promise.all(values)).toEqual([1n, 2n, 3n]);
  });
});

describe('at a past block', () => {
  /** The past block, and the next one, which changed slot 1 from 10 to 11 and the contract's balance from 0 to 5. */
  const positionsWith = (code: Uint8Array) => {
    const { executor, state } = executorWith(code);
    const before = state.number;
    const world = new OverlayState(state);
    world.setStorage(CONTRACT, word(1), word(11));
    world.setAccount(CONTRACT, { ...(state.getAccount(CONTRACT) as Account), balance: 5n });
    state.apply(world.takeDiff(), before + 1);
    const past: CallPosition = { state: state.at(before) as StateView, env: ENV };
    const newest: CallPosition = { state, env: { ...ENV, number: ENV.number + 1, timestamp: ENV.timestamp + 1 } };
    return { executor, past, newest };
  };

  test('a call sees its state and environment', async () => {
    const { executor, past, newest } = positionsWith(RETURN_POSITION);
    const fees = { gas: 100_000n, maxFeePerGas: 2_000n };
    const expected = ({ env }: CallPosition, slot: number, balance: number) => ({
      kind: 'success',
      output: words(env.number, env.timestamp, env.baseFeePerGas, env.prevRandao, slot, balance),
    });
    expect(await executor.call(callRequest(fees), past, [])).toMatchObject(expected(past, 10, 0));
    expect(await executor.call(callRequest(fees), newest, [])).toMatchObject(expected(newest, 11, 5));
  });

  test('an estimate sees its state', async () => {
    const { executor, past, newest } = positionsWith(NEEDS_TEN);
    expect(await executor.estimateGas(callRequest(), past, [])).toBeGreaterThan(21_000n);
    await expect(executor.estimateGas(callRequest(), newest, [])).rejects.toMatchObject({ code: 'EXECUTION_FAILED' });
  });
});

describe('overrides', () => {
  test('balance, code and nonce', async () => {
    const { output } = executorWith(STORE);
    const overrides = [
      { address: BROKE, balance: 77n, nonce: 5n },
      { address: CONTRACT, code: RETURN_CALLER_BALANCE },
    ];
    expect(await output({ from: BROKE }, overrides)).toBe(77n);
  });

  test('stateDiff keeps the other slots, state clears them', async () => {
    const { output } = executorWith(RETURN_SLOT_1);
    const other = [{ key: word(2), value: word(2) }];
    expect(await output({}, [{ address: CONTRACT, stateDiff: other }])).toBe(10n);
    expect(await output({}, [{ address: CONTRACT, state: other }])).toBe(0n);
  });

  test('state and stateDiff exclude each other', async () => {
    const { output } = executorWith(RETURN_SLOT_1);
    await expect(output({}, [{ address: CONTRACT, state: [], stateDiff: [] }])).rejects.toMatchObject({
      code: 'INVALID_STATE_OVERRIDE',
    });
  });
});

describe('estimateGas', () => {
  const estimate = (code: Uint8Array, fields: Partial<CallRequest>, ...more: Allocation[]) => {
    const { executor, at } = executorWith(code, {}, ...more);
    return executor.estimateGas(callRequest(fields), at, []);
  };

  test('a plain transfer takes 21000', async () => {
    expect(await estimate(STORE, { to: BROKE, value: 1n })).toBe(21_000n);
  });

  test('the estimate suffices and is close to the least that does', async () => {
    const { executor, at } = executorWith(NEEDS_GAS);
    const gas = await executor.estimateGas(callRequest(), at, []);
    expect((await executor.call(callRequest({ gas }), at, [])).kind).toBe('success');
    const least = 21_000n + 200_000n + 2n;
    expect(gas).toBeGreaterThanOrEqual(least);
    expect(Number(gas)).toBeLessThan(Number(least) * 1.02);
  });

  test('gas that an inner call keeps back is provided for (63/64)', async () => {
    const inner = { address: addressOf(0x17), nonce: 1n, code: fromHex('0x5a61ffff11600a57005bfe') };
    const { executor, at } = executorWith(CALL, {}, inner);
    const gas = await executor.estimateGas(callRequest({ data: words(inner.address) }), at, []);
    expect((await executor.call(callRequest({ gas, data: words(inner.address) }), at, [])).kind).toBe('success');
  });

  test('calldata is charged its floor (EIP-7623)', async () => {
    const data = new Uint8Array(1_000).fill(1);
    expect(await estimate(STORE, { to: BROKE, data })).toBeGreaterThanOrEqual(21_000n + 40_000n);
  });

  test('a revert carries its reason and output', async () => {
    const output = concatBytes(fromHex('0x08c379a0'), words(32, 4), fromHex(`0x6e6f7065${'00'.repeat(28)}`));
    await expect(estimate(REVERT_WITH_INPUT, { data: output })).rejects.toMatchObject({
      code: 'EXECUTION_REVERTED',
      message: 'execution reverted: nope',
      meta: { output: toHex(output) },
    });
    await expect(estimate(REVERT_WITH_INPUT, {})).rejects.toMatchObject({ message: 'execution reverted' });
    await expect(estimate(REVERT_WITH_INPUT, { data: concatBytes(fromHex('0x4e487b71'), words(0x12)) })).rejects.toMatchObject({
      message: 'execution reverted: division or modulo by zero',
    });
  });

  test.each<[string, string, string, Partial<CallRequest>]>([
    ['EXECUTION_FAILED', 'invalid opcode: INVALID', 'fe', {}],
    ['EXECUTION_FAILED', 'gas required exceeds allowance (50000)', '5b5f56', { gas: 50_000n }],
    ['INSUFFICIENT_FUNDS', 'insufficient funds for transfer', '00', { from: BROKE, value: 1n, maxFeePerGas: 2_000n }],
    ['EXECUTION_FAILED', 'gas required exceeds allowance (0)', '00', { from: BROKE, maxFeePerGas: 2_000n }],
  ])('%s: %s', async (code, message, hex, fields) => {
    await expect(estimate(fromHex(`0x${hex}`), fields)).rejects.toMatchObject({ code, message });
  });
});
