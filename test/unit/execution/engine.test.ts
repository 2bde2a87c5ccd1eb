import { describe, expect, test } from 'vitest';
import { WITNESS_BYTES_PER_GAS } from '../../../src/protocol/limits.ts';
import type { ExecutionOutcome } from '../../../src/protocol/ports/execution.ts';
import { BEACON_ROOTS_CONTRACT, EMPTY_CODE_HASH, HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import { bigIntToBytes32, concatBytes, fromHex } from '../../../src/util/bytes.ts';
import { LOG, REVERT, STORE, STORE_BLOCK_HASH, TRANSIENT, words } from '../../support/contracts.ts';
import {
  type Allocation,
  addressOf,
  CHAIN_ID,
  COINBASE,
  CONTRACT,
  createEngine,
  ENV,
  ETHER,
  SENDER,
  stateWith,
  transactionWith,
} from '../../support/execution-harness.ts';

const LOOP_FOREVER = fromHex('0x5b5f56');
const RECIPIENT = addressOf(0x70);
const word = (value: number) => bigIntToBytes32(BigInt(value));

async function open(contracts: readonly Allocation[] = [], options = {}) {
  const state = stateWith(...contracts);
  const { engine, world } = createEngine(state, options);
  await engine.beginBlock(ENV, 0n);
  const execute = (fields: Partial<Transaction>) => engine.execute({ transaction: transactionWith(fields), sender: SENDER });
  return { state, engine, world, execute };
}

function included(outcome: ExecutionOutcome) {
  if (outcome.kind !== 'included') throw new TypeError(outcome.message);
  return outcome;
}

describe('a block', () => {
  test('opens with the writes of the system calls', async () => {
    const { engine, world } = createEngine(stateWith());
    await engine.beginBlock(ENV);
    expect(world.getStorage(HISTORY_CONTRACT, word(ENV.number - 1))).toEqual(ENV.parentHash);
    expect(world.getStorage(BEACON_ROOTS_CONTRACT, word(ENV.timestamp % 8191))).toEqual(word(ENV.timestamp));
    expect(world.takeDiff().accounts.map(({ address }) => address)).toEqual([HISTORY_CONTRACT, BEACON_ROOTS_CONTRACT]);
  });

  test('that is resumed makes no system calls and goes on with the gas', async () => {
    const { engine, world } = createEngine(stateWith());
    await engine.beginBlock(ENV, 100_000n);
    expect(world.takeDiff().accounts).toEqual([]);
    const outcome = await engine.execute({ transaction: transactionWith({ value: 1n }), sender: SENDER });
    expect(included(outcome).receipt.cumulativeGasUsed).toBe(121_000n);
  });

  test('must be open', async () => {
    const { engine } = createEngine(stateWith());
    await expect(engine.execute({ transaction: transactionWith({}), sender: SENDER })).rejects.toMatchObject({
      code: 'NO_OPEN_BLOCK',
    });
  });

  test('takes one transaction at a time', async () => {
    const { execute } = await open();
    const first = execute({ value: 1n });
    await expect(execute({ nonce: 1n })).rejects.toMatchObject({ code: 'ENGINE_BUSY' });
    expect((await first).kind).toBe('included');
  });
});

describe('a transaction', () => {
  test('moves value and pays gas: the base fee is burned, the tip goes to the coinbase', async () => {
    const { execute, world } = await open();
    const { gasUsed, receipt } = included(await execute({ value: ETHER }));
    expect({ gasUsed, receipt }).toEqual({
      gasUsed: 21_000n,
      receipt: { type: 2, status: 1, cumulativeGasUsed: 21_000n, logs: [] },
    });
    expect(world.getAccount(RECIPIENT)?.balance).toBe(ETHER);
    expect(world.getAccount(COINBASE)?.balance).toBe(21_000n * 10n);
    expect(world.getAccount(SENDER)).toEqual({
      nonce: 1n,
      balance: 999n * ETHER - 21_000n * 1_010n,
      codeHash: EMPTY_CODE_HASH,
    });
  });

  test('yields logs as they were emitted', async () => {
    const { execute } = await open([{ address: CONTRACT, nonce: 1n, code: LOG }]);
    const { receipt } = included(await execute({ to: CONTRACT, data: words(5, 6) }));
    expect(receipt.logs).toEqual([{ address: CONTRACT, topics: [word(5)], data: word(6) }]);
  });

  test('that reverts is included with status 0 and its gas, and writes nothing', async () => {
    const { execute, world } = await open([{ address: CONTRACT, nonce: 1n, code: REVERT }]);
    const { receipt, gasUsed } = included(await execute({ to: CONTRACT, value: 5n }));
    expect(receipt.status).toBe(0);
    expect(gasUsed).toBeGreaterThan(43_000n);
    expect(world.getStorage(CONTRACT, word(0))).toEqual(word(0));
    expect(world.getAccount(CONTRACT)?.balance).toBe(0n);
  });

  test('reads block hashes from the reader, and only those in its window', async () => {
    const { execute, world } = await open([{ address: CONTRACT, nonce: 1n, code: STORE_BLOCK_HASH }]);
    await execute({ to: CONTRACT, data: words(5) });
    await execute({ to: CONTRACT, nonce: 1n, data: words(7) });
    expect(world.getStorage(CONTRACT, word(5))).toEqual(new Uint8Array(32).fill(5));
    expect(world.getStorage(CONTRACT, word(7))).toEqual(word(0));
  });

  test('gets the refund of a slot cleared by an earlier transaction of the block', async () => {
    const { execute } = await open([{ address: CONTRACT, nonce: 1n, code: STORE }]);
    await execute({ to: CONTRACT, data: words(1, 1, 2, 1) });
    const overwritten = included(await execute({ to: CONTRACT, nonce: 1n, data: words(1, 2, 2, 2) }));
    const cleared = included(await execute({ to: CONTRACT, nonce: 2n, data: words(1, 0, 2, 3) }));
    // The calldata differs by one byte that is not zero; with two writes the gas stays above the floor of EIP-7623.
    expect(overwritten.gasUsed - cleared.gasUsed).toBe(4_800n + 12n);
  });
});

test('no gas adds more to a witness than the sequencer reckons with: codes of the largest size, read as cheaply as can be', async () => {
  const contracts = Array.from({ length: 100 }, (_, i) => ({
    address: addressOf(0x80).with(0, i),
    nonce: 1n,
    code: new Uint8Array(24_576).fill(i),
  }));
  // PUSH20, EXTCODESIZE, POP
  const read = contracts.map(({ address }) => concatBytes(Uint8Array.of(0x73), address, Uint8Array.of(0x3b, 0x50)));
  const { execute, world } = await open([...contracts, { address: CONTRACT, nonce: 1n, code: concatBytes(...read) }]);
  const accessList = contracts.map(({ address }) => ({ address, storageKeys: [] }));
  const before = world.witnessBytes;
  const { gasUsed } = included(await execute({ to: CONTRACT, accessList }));
  const perGas = (world.witnessBytes - before) / Number(gasUsed);
  expect(perGas).toBeLessThan(WITNESS_BYTES_PER_GAS);
  expect(perGas).toBeGreaterThan(0.8 * WITNESS_BYTES_PER_GAS);
});

describe('a transaction that cannot be included', () => {
  const delegated = concatBytes(fromHex('0xef0100'), CONTRACT);
  test.each<[string, string, Partial<Transaction>]>([
    ['NONCE_TOO_LOW', 'nonce too low: address 0x5e5e', { nonce: 0n }],
    ['NONCE_GAP', 'nonce too high: address 0x5e5e', { nonce: 2n }],
    ['INSUFFICIENT_FUNDS', 'insufficient funds for gas * price + value: address 0x5e5e', { value: 1_001n * ETHER }],
    ['INSUFFICIENT_FUNDS', 'insufficient funds for gas * price + value', { maxFeePerGas: ETHER }],
    ['FEE_TOO_LOW', 'max fee per gas less than block base fee: address 0x5e5e', { maxFeePerGas: 999n }],
    ['GAS_LIMIT_EXCEEDED', 'exceeds block gas limit', { gasLimit: 30_000_001n }],
    ['GAS_LIMIT_EXCEEDED', 'gas limit reached', { gasLimit: 30_000_000n }],
    ['INTRINSIC_GAS_TOO_LOW', 'intrinsic gas too low: have 20999, want 21000', { gasLimit: 20_999n }],
    [
      'INTRINSIC_GAS_TOO_LOW',
      'insufficient gas for floor data gas cost: have 21030, want 21040',
      { gasLimit: 21_030n, data: Uint8Array.of(1) },
    ],
    [
      'INIT_CODE_TOO_LARGE',
      'max initcode size exceeded: code size 49153 limit 49152',
      { to: undefined, data: new Uint8Array(49_153) },
    ],
    ['INVALID_CHAIN_ID', 'invalid chain id for signer: have 1 want 1337', { chainId: 1n }],
  ])('%s: %s', async (code, message, fields) => {
    const { execute, world, state } = await open();
    await execute({ value: 1n });
    state.apply(world.takeDiff(), 1);
    const outcome = await execute({ nonce: 1n, ...fields });
    expect(outcome).toMatchObject({ kind: 'rejected', code, message: expect.stringContaining(message) });
    expect(world.takeDiff()).toEqual({ accounts: [], codes: [] });
  });

  test('a contract cannot send, an account delegated by EIP-7702 can', async () => {
    const sender = addressOf(0x11);
    const send = async (code: Uint8Array) => {
      const { engine } = await open([{ address: sender, balance: ETHER, code }]);
      return engine.execute({ transaction: transactionWith({ chainId: BigInt(CHAIN_ID) }), sender });
    };
    expect(await send(STORE)).toMatchObject({ code: 'INVALID_SENDER', message: expect.stringContaining('not an eoa') });
    expect((await send(delegated)).kind).toBe('included');
  });
});

describe('the time budget', () => {
  test('aborts a transaction that overruns it and leaves no trace', async () => {
    const looper = { address: addressOf(0x10), nonce: 1n, code: LOOP_FOREVER };
    const storer = { address: CONTRACT, nonce: 1n, code: TRANSIENT };
    const { execute, world } = await open([looper, storer], { maxExecutionMs: 20 });
    const outcome = await execute({ to: looper.address, value: 1n, gasLimit: 30_000_000n });
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'EXECUTION_TIMEOUT' });
    expect(world.takeDiff()).toEqual({ accounts: [], codes: [] });
    expect(included(await execute({ to: CONTRACT, data: words(3) })).receipt.cumulativeGasUsed).toBeLessThan(60_000n);
    expect(world.getStorage(CONTRACT, word(0))).toEqual(word(3));
  });

  test('holds inside a MODEXP with a very long exponent', async () => {
    const { execute } = await open([], { maxExecutionMs: 20 });
    const exponentBytes = 1_200_000;
    const exponent = new Uint8Array(exponentBytes).fill(0xff, 0, 1);
    const data = concatBytes(words(1, exponentBytes, 1), Uint8Array.of(3), exponent, Uint8Array.of(251));
    const started = performance.now();
    const outcome = await execute({ to: concatBytes(new Uint8Array(19), Uint8Array.of(5)), data, gasLimit: 16_000_000n });
    expect(outcome).toMatchObject({ kind: 'rejected', code: 'EXECUTION_TIMEOUT' });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  test('does not begin a pairing that would overrun it', async () => {
    const { execute } = await open([], { maxExecutionMs: 100 });
    const pairing = { to: concatBytes(new Uint8Array(19), Uint8Array.of(8)), gasLimit: 16_000_000n };
    expect(await execute({ ...pairing, data: new Uint8Array(192 * 400) })).toMatchObject({ code: 'EXECUTION_TIMEOUT' });
    // Without the gas for it the precompile fails at once, and that is included.
    const outOfGas = await execute({ ...pairing, data: new Uint8Array(192 * 400), gasLimit: 1_500_000n });
    expect(included(outOfGas).receipt.status).toBe(0);
  });
});

test('a failing creation gives the value back', async () => {
  const { execute, world } = await open();
  const balanceBefore = world.getAccount(SENDER)?.balance ?? 0n;
  const { gasUsed, receipt } = included(
    await execute({ to: undefined, value: ETHER, data: fromHex('0xfe'), gasLimit: 100_000n }),
  );
  expect(receipt.status).toBe(0);
  expect(world.getAccount(SENDER)?.balance).toBe(balanceBefore - gasUsed * 1_010n);
});
