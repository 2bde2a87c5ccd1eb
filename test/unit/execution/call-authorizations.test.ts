import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { EthereumJsCallExecutor } from '../../../src/execution/ethereumjs/call-executor.ts';
import type { CallRequest } from '../../../src/protocol/ports/execution.ts';
import type { Address } from '../../../src/protocol/primitives.ts';
import type { Authorization } from '../../../src/protocol/transaction.ts';
import { concatBytes, EMPTY_BYTES, fromHex, toHex } from '../../../src/util/bytes.ts';
import { callRequest } from '../../support/call-requests.ts';
import { CALL, REVERT, STORE, words } from '../../support/contracts.ts';
import { addressOf, CHAIN_ID, createEngine, ENV, ETHER, stateWith, transactionWith } from '../../support/execution-harness.ts';
import type { MapState } from '../../support/map-state.ts';

const NEW = privateKeyToAccount(`0x${'01'.repeat(32)}`);
const FUNDED = privateKeyToAccount(`0x${'02'.repeat(32)}`);
const DELEGATED = privateKeyToAccount(`0x${'03'.repeat(32)}`);
const CONTRACT_OWNER = privateKeyToAccount(`0x${'04'.repeat(32)}`);
const SENDING = privateKeyToAccount(`0x${'05'.repeat(32)}`);
const addressIn = ({ address }: { address: string }): Address => fromHex(address.toLowerCase());

const STORER = addressOf(0x41);
const REVERTER = addressOf(0x42);
const CALLER = addressOf(0x43);
const NOBODY = addressOf(0x99);
const ZERO = addressOf(0);
/** secp256k1's order, and with it the high-s twin of a signature. */
const ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

const createState = (): MapState =>
  stateWith(
    { address: STORER, nonce: 1n, code: STORE },
    { address: REVERTER, nonce: 1n, code: REVERT },
    { address: CALLER, nonce: 1n, code: CALL },
    { address: addressIn(FUNDED), balance: ETHER, nonce: 3n },
    { address: addressIn(DELEGATED), nonce: 1n, code: concatBytes(fromHex('0xef0100'), STORER) },
    { address: addressIn(CONTRACT_OWNER), nonce: 1n, code: STORE },
    { address: addressIn(SENDING), balance: 1_000n * ETHER },
  );

async function signed(account: typeof NEW, target: Address, nonce: number, chainId: number = CHAIN_ID): Promise<Authorization> {
  const { r, s, yParity } = await account.signAuthorization({ address: toHex(target), nonce, chainId });
  const fields = { chainId: BigInt(chainId), address: target, nonce: BigInt(nonce) };
  return { ...fields, r: BigInt(r), s: BigInt(s), yParity: yParity as number };
}

function createExecutor(state: MapState) {
  const executor = new EthereumJsCallExecutor({ chainId: CHAIN_ID }, { blockHash: () => undefined });
  return { executor, at: { state, env: ENV } };
}

/** What a type 4 transaction with these fields does in a block. */
async function execute(fields: Partial<CallRequest>, gasLimit = 1_000_000n) {
  const { engine } = createEngine(createState());
  await engine.beginBlock(ENV);
  const { to, data = EMPTY_BYTES, value = 0n, authorizationList = [] } = fields;
  const transaction = transactionWith({ type: 4, to, data, value, authorizationList, gasLimit });
  const outcome = await engine.execute({ transaction, sender: addressIn(SENDING) });
  if (outcome.kind !== 'included') throw new TypeError(outcome.message);
  return outcome;
}

const store = words(1, 1);

interface Case {
  readonly to: Address;
  readonly data?: Uint8Array;
  readonly list: () => Promise<Authorization>[];
}

const CASES: readonly [string, Case][] = [
  ['a new account', { to: NOBODY, list: () => [signed(NEW, STORER, 0)] }],
  ['an account that exists', { to: NOBODY, list: () => [signed(FUNDED, STORER, 3)] }],
  ['an account that runs what it delegated to', { to: addressIn(FUNDED), data: store, list: () => [signed(FUNDED, STORER, 3)] }],
  ['a new account that runs what it delegated to', { to: addressIn(NEW), data: store, list: () => [signed(NEW, STORER, 0)] }],
  ['an account whose delegation ends', { to: addressIn(DELEGATED), data: store, list: () => [signed(DELEGATED, ZERO, 1)] }],
  [
    'an account that is called by the recipient',
    { to: CALLER, data: words(addressIn(NEW)), list: () => [signed(NEW, STORER, 0)] },
  ],
  ['a delegation to code that reverts', { to: addressIn(FUNDED), list: () => [signed(FUNDED, REVERTER, 3)] }],
  ['the sender, by its next nonce', { to: addressIn(SENDING), data: store, list: () => [signed(SENDING, STORER, 1)] }],
  [
    'the sender, by the nonce of the transaction',
    { to: addressIn(SENDING), data: store, list: () => [signed(SENDING, STORER, 0)] },
  ],
  ['two by one account', { to: NOBODY, list: () => [signed(NEW, STORER, 0), signed(NEW, ZERO, 1), signed(FUNDED, STORER, 3)] }],
  ['any chain', { to: addressIn(FUNDED), data: store, list: () => [signed(FUNDED, STORER, 3, 0)] }],
  ['another chain', { to: addressIn(FUNDED), data: store, list: () => [signed(FUNDED, STORER, 3, 5)] }],
  ['a wrong nonce', { to: CALLER, data: words(addressIn(FUNDED)), list: () => [signed(FUNDED, STORER, 2)] }],
  ['a contract', { to: addressIn(CONTRACT_OWNER), data: store, list: () => [signed(CONTRACT_OWNER, REVERTER, 1)] }],
  [
    'a high s',
    { to: NOBODY, list: () => [signed(FUNDED, STORER, 3).then((a) => ({ ...a, s: ORDER - a.s, yParity: 1 - a.yParity }))] },
  ],
  ['a parity of 2', { to: NOBODY, list: () => [signed(FUNDED, STORER, 3).then((a) => ({ ...a, yParity: 2 }))] }],
  ['an r of zero', { to: NOBODY, list: () => [signed(FUNDED, STORER, 3).then((a) => ({ ...a, r: 0n }))] }],
  ['the last nonce', { to: NOBODY, list: () => [signed(FUNDED, STORER, 3).then((a) => ({ ...a, nonce: 2n ** 64n - 1n }))] }],
];

describe('authorizations (EIP-7702) of', () => {
  test.each(CASES)('%s cost and do what they do in a transaction', async (_, { to, data = EMPTY_BYTES, list }) => {
    const authorizationList = await Promise.all(list());
    const fields = { from: addressIn(SENDING), to, data, authorizationList };
    const { executor, at } = createExecutor(createState());
    const real = await execute(fields);
    const outcome = await executor.call(callRequest(fields), at, []);
    expect(outcome.gasUsed).toBe(real.gasUsed);
    expect(outcome.kind === 'success' ? 1 : 0).toBe(real.receipt.status);
    if (outcome.kind !== 'success') return;

    const gas = await executor.estimateGas(callRequest(fields), at, []);
    expect((await execute(fields, gas)).receipt.status).toBe(1);
    // The refund comes at the end: it lowers the price, not the gas that is needed.
    const most = real.gasUsed + (real.gasUsed + 3n) / 4n;
    expect(Number(gas)).toBeLessThan(Number(most) * 1.02);
  });
});

test('an estimate is that of geth, whose case of the official set this is', async () => {
  const { executor, at } = createExecutor(createState());
  const fields = { from: addressIn(SENDING), to: NOBODY, value: 1n };
  expect(await executor.estimateGas(callRequest(fields), at, [])).toBe(21_000n);
  const authorization: Authorization = {
    chainId: 1n,
    address: addressOf(0xaa),
    nonce: 0n,
    yParity: 0,
    r: BigInt(`0x${'11'.repeat(32)}`),
    s: BigInt(`0x${'22'.repeat(32)}`),
  };
  const request = callRequest({ ...fields, authorizationList: [authorization] });
  expect(await executor.estimateGas(request, at, [])).toBe(0xb52en);
});

test('each authorization takes 25,000 gas before anything runs', async () => {
  const { executor, at } = createExecutor(createState());
  const authorizationList = [await signed(FUNDED, STORER, 3), await signed(NEW, STORER, 0)];
  const request = callRequest({ from: addressIn(SENDING), to: NOBODY, authorizationList, gas: 70_999n });
  await expect(executor.call(request, at, [])).rejects.toMatchObject({
    code: 'INTRINSIC_GAS_TOO_LOW',
    message: expect.stringContaining('have 70999, want 71000'),
  });
  expect((await executor.call({ ...request, gas: 71_000n }, at, [])).kind).toBe('success');
});
