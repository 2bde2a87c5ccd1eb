import { describe, expect, test, vi } from 'vitest';
import { EthereumJsCallExecutor } from '../../../src/execution/ethereumjs/call-executor.ts';
import type { AccountOverride, CallEnvironment, CallRequest } from '../../../src/protocol/ports/execution.ts';
import { bigIntToBytes32, concatBytes, fromHex } from '../../../src/util/bytes.ts';
import { callRequest } from '../../support/call-requests.ts';
import { words } from '../../support/contracts.ts';
import { addressOf, CHAIN_ID, CONTRACT, ENV, ETHER, stateWith } from '../../support/execution-harness.ts';

const IDENTITY = addressOf(0).with(19, 4);
const SHA256 = addressOf(0).with(19, 2);
const TARGET = addressOf(0x77);
/** Returns BLOBHASH(0), BLOBBASEFEE, NUMBER and BASEFEE. */
const LOOK_AROUND = fromHex('0x5f495f524a602052436040524860605260805ff3');
const BLOB_HASH = bigIntToBytes32(1n).fill(1, 0, 1);

function setUp(code = LOOK_AROUND) {
  const state = stateWith({ address: CONTRACT, nonce: 1n, code });
  const executor = new EthereumJsCallExecutor({ chainId: CHAIN_ID }, { blockHash: () => undefined });
  const at = (env: Partial<CallEnvironment>) => ({ state, env: { ...ENV, ...env } });
  return {
    call: (fields: Partial<CallRequest>, overrides: readonly AccountOverride[] = [], env: Partial<CallEnvironment> = {}) =>
      executor.call(callRequest(fields), at(env), overrides),
    estimate: (fields: Partial<CallRequest>) => executor.estimateGas(callRequest(fields), at({}), []),
  };
}

describe('precompiles that are moved', () => {
  const data = words(7);
  const move = { address: IDENTITY, movePrecompileTo: TARGET };

  test('answer where they were moved to, no more where they were, and only in that call', async () => {
    const { call } = setUp();
    expect(await call({ to: TARGET, data }, [move])).toMatchObject({ kind: 'success', output: data });
    expect(await call({ to: IDENTITY, data }, [move])).toMatchObject({ kind: 'success', output: new Uint8Array(0) });
    expect(await call({ to: IDENTITY, data })).toMatchObject({ kind: 'success', output: data });
    expect(await call({ to: TARGET, data })).toMatchObject({ kind: 'success', output: new Uint8Array(0) });
  });

  test('are found by contracts too', async () => {
    // Copies the input, calls TARGET with it and returns what that returned.
    const code = concatBytes(fromHex('0x60205f5f3760205f60205f5f73'), TARGET, fromHex('0x5af160205ff3'));
    const { call } = setUp(code);
    expect(await call({ data }, [{ address: SHA256, movePrecompileTo: TARGET }])).toMatchObject({ kind: 'success' });
    const moved = await call({ data }, [{ address: SHA256, movePrecompileTo: TARGET }]);
    const direct = await call({ to: SHA256, data });
    expect(moved.kind === 'success' && moved.output).toEqual(direct.kind === 'success' && direct.output);
  });

  test('an override of any kind takes the place of a precompile', async () => {
    const { call } = setUp();
    const code = fromHex('0x602a5f5260205ff3');
    expect(await call({ to: IDENTITY, data }, [{ address: IDENTITY, code }])).toMatchObject({ output: words(42) });
    expect(await call({ to: IDENTITY, data }, [{ address: IDENTITY, balance: 1n }])).toMatchObject({
      output: new Uint8Array(0),
    });
  });

  test.each([
    ['INVALID_STATE_OVERRIDE', 'is not a precompile', [{ address: TARGET, movePrecompileTo: CONTRACT }]],
    ['INVALID_STATE_OVERRIDE', 'is already overridden', [move, { address: TARGET, nonce: 1n }]],
    ['PRECOMPILE_MOVED_TO_ITSELF', 'moved to itself', [{ address: IDENTITY, movePrecompileTo: IDENTITY }]],
  ])('%s: the account %s', async (code, message, overrides) => {
    const refused = { code, message: expect.stringContaining(message) };
    await expect(setUp().call({}, overrides)).rejects.toMatchObject(refused);
  });
});

describe('blobs of a call', () => {
  test('are seen by their hashes; who offers nothing for them is not charged', async () => {
    const { call } = setUp();
    const blobs = { blobVersionedHashes: [BLOB_HASH] };
    expect(await call(blobs)).toMatchObject({ output: concatBytes(BLOB_HASH, words(0, ENV.number, 0)) });
    expect(await call({ ...blobs, maxFeePerBlobGas: 1n })).toMatchObject({
      output: concatBytes(BLOB_HASH, words(1, ENV.number, 0)),
    });
  });

  test.each([
    ['INVALID_BLOBS', 'blob transaction of type create', { to: undefined }],
    ['INVALID_BLOBS', 'blob 0 has invalid hash version', { blobVersionedHashes: [words(1)] }],
    ['INVALID_BLOBS', 'max fee per blob gas less than block blob gas fee', { maxFeePerBlobGas: 1n }],
    ['INSUFFICIENT_FUNDS', 'insufficient funds for gas * price + value', { maxFeePerBlobGas: ETHER }],
  ])('%s: %s', async (code, message, fields) => {
    const { call } = setUp();
    const request = { blobVersionedHashes: [BLOB_HASH], maxFeePerBlobGas: 2n, ...fields };
    await expect(call(request, [], { blobBaseFee: 2n })).rejects.toMatchObject({
      code,
      message: expect.stringContaining(`err: ${message}`),
    });
  });

  test('count on the balance of an estimate', async () => {
    const { estimate } = setUp();
    const blobs = { blobVersionedHashes: [BLOB_HASH], maxFeePerGas: 1_000n };
    expect(await estimate({ ...blobs, maxFeePerBlobGas: 1n })).toBeGreaterThan(21_000n);
    await expect(estimate({ ...blobs, maxFeePerBlobGas: ETHER })).rejects.toMatchObject({ code: 'INSUFFICIENT_FUNDS' });
  });
});

test('a storage is replaced for one call, without a look at what was in it', async () => {
  const slots = [1n, 2n].map((n) => ({ key: bigIntToBytes32(n), value: bigIntToBytes32(10n + n) }));
  // Returns slots 1 and 2.
  const code = fromHex('0x6001545f5260025460205260405ff3');
  const state = stateWith({ address: CONTRACT, nonce: 1n, code, slots });
  const executor = new EthereumJsCallExecutor({ chainId: CHAIN_ID }, { blockHash: () => undefined });
  const storageOf = vi.spyOn(state, 'storageOf');
  const call = async (overrides: readonly AccountOverride[]) => {
    const outcome = await executor.call(callRequest({}), { state, env: ENV }, overrides);
    return outcome.kind === 'success' && outcome.output;
  };
  const replacement = { address: CONTRACT, state: [{ key: bigIntToBytes32(2n), value: bigIntToBytes32(7n) }] };
  expect(await call([replacement])).toEqual(words(0, 7));
  expect(await call([{ ...replacement, state: [] }])).toEqual(words(0, 0));
  expect(storageOf).not.toHaveBeenCalled();
  expect(await call([])).toEqual(words(11, 12));
});

test('a call runs in the block that it is given', async () => {
  const env = { number: 99, baseFeePerGas: 5n, blobBaseFee: 7n };
  expect(await setUp().call({ maxFeePerGas: 9n }, [], env)).toMatchObject({ output: words(0, 7, 99, 5) });
});
