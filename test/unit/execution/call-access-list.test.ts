import { expect, test } from 'vitest';
import { EthereumJsCallExecutor } from '../../../src/execution/ethereumjs/call-executor.ts';
import type { CallRequest } from '../../../src/protocol/ports/execution.ts';
import type { AccessListEntry } from '../../../src/protocol/transaction.ts';
import { bigIntToBytes32, concatBytes, fromHex } from '../../../src/util/bytes.ts';
import { callRequest } from '../../support/call-requests.ts';
import { CALL, EXTERNAL_CODE, initCodeOf, STORE, words } from '../../support/contracts.ts';
import {
  type Allocation,
  addressOf,
  CHAIN_ID,
  COINBASE,
  CONTRACT,
  ENV,
  SENDER,
  stateWith,
} from '../../support/execution-harness.ts';

const OTHER = addressOf(0x17);
const slot = (value: number) => bigIntToBytes32(BigInt(value));
const entry = (address: Uint8Array, ...slots: number[]): AccessListEntry => ({ address, storageKeys: slots.map(slot) });

/** Calls itself OTHER and then reverts. */
const CALL_AND_REVERT = concatBytes(CALL.slice(0, -1), fromHex('0x5f5ffd'));
/** Creates an empty contract. */
const CREATE = fromHex('0x5f5f5ff000');
/** Loads the slot numbered by the gas left divided by 1,024. */
const LOAD_BY_GAS = fromHex('0x5a600a1c5400');

function setUp(code: Uint8Array, ...more: Allocation[]) {
  const state = stateWith({ address: CONTRACT, nonce: 1n, code }, ...more);
  const executor = new EthereumJsCallExecutor({ chainId: CHAIN_ID }, { blockHash: () => undefined });
  const at = { state, env: ENV };
  return {
    list: (fields: Partial<CallRequest> = {}) => executor.createAccessList(callRequest(fields), at, []),
    call: (fields: Partial<CallRequest>) => executor.call(callRequest(fields), at, []),
  };
}

test('names slots of the recipient, and the accounts it reaches with theirs', async () => {
  const { list, call } = setUp(CALL, { address: OTHER, nonce: 1n, code: fromHex('0x60075450600854') });
  const data = words(OTHER);
  const { accessList, outcome } = await list({ data });
  expect(accessList).toEqual([entry(OTHER, 7, 8)]);
  expect(outcome).toEqual(await call({ data, accessList }));

  const stored = await setUp(STORE).list({ data: words(5, 1, 6, 2) });
  expect(stored.accessList).toEqual([entry(CONTRACT, 5, 6)]);
});

test.each([
  ['the sender', SENDER],
  ['the recipient', CONTRACT],
  ['the coinbase', COINBASE],
  ['a precompile', addressOf(0).with(19, 1)],
])('leaves out %s, which is warm anyway', async (_, address) => {
  const { accessList } = await setUp(EXTERNAL_CODE).list({ data: words(address) });
  expect(accessList).toEqual([entry(CONTRACT, 0, 1)]);
});

test('keeps the list of the request, and adds to it', async () => {
  const given = [entry(OTHER, 1), entry(CONTRACT, 5)];
  const { accessList } = await setUp(STORE).list({ data: words(5, 1, 6, 2), accessList: given });
  expect(accessList).toEqual([entry(OTHER, 1), entry(CONTRACT, 5, 6)]);
});

test('leaves out what the call creates', async () => {
  expect((await setUp(CREATE).list()).accessList).toEqual([]);
  expect((await setUp(STORE).list({ to: undefined, data: initCodeOf(STORE) })).accessList).toEqual([]);
});

test('a call that fails has a list too', async () => {
  const { list } = setUp(CALL_AND_REVERT, { address: OTHER, nonce: 1n, code: fromHex('0x600754') });
  const { accessList, outcome } = await list({ data: words(OTHER) });
  expect(accessList).toEqual([entry(OTHER, 7)]);
  expect(outcome.kind).toBe('reverted');
});

test('ends with a contract whose accesses go by its gas, and leaves no trace in the next call', async () => {
  const { list, call } = setUp(LOAD_BY_GAS);
  const before = await call({ gas: 100_000n });
  const { accessList } = await list({ gas: 100_000n });
  expect(accessList[0]?.storageKeys.length).toBeGreaterThan(1);
  expect(await call({ gas: 100_000n })).toEqual(before);
});

test('refuses as a call does', async () => {
  await expect(setUp(STORE).list({ gas: 20_000n })).rejects.toMatchObject({
    code: 'INTRINSIC_GAS_TOO_LOW',
    message: 'err: intrinsic gas too low: have 20000, want 21000 (supplied gas 20000)',
  });
});
