import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ZERO_ADDRESS } from '../../../src/protocol/primitives.ts';
import { revertMessage } from '../../../src/rpc/revert-reason.ts';
import { fromHex, padTo32, toHex } from '../../../src/util/bytes.ts';
import { quantity } from '../../../src/util/quantity.ts';
import { CHAIN_ID } from '../../support/fake-backend.ts';
import { CONTRACT, REVERT_OUTPUT, REVERTER } from '../../support/fake-contracts.ts';
import { ALICE, BOB, RpcHarness } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness();
beforeAll(() => rpc.start());
afterAll(() => rpc.stop());

const lastCall = () => rpc.chain.calls.at(-1);

describe('eth_call and eth_estimateGas', () => {
  it.each([{ data: '0x1234' }, { input: '0x1234' }, { data: '0x1234', input: '0x1234' }])('takes %j', async (fields) => {
    expect(await rpc.result('eth_call', { to: BOB.address, ...fields }, 'latest')).toBe('0x1234');
  });

  it('refuses data and input that differ', async () => {
    expect((await rpc.call('eth_call', { data: '0x12', input: '0x34' })).error?.code).toBe(-32602);
  });

  it('hands every field on and fills the others', async () => {
    await rpc.result('eth_call', {}, 'latest');
    expect(lastCall()?.request).toMatchObject({
      from: ZERO_ADDRESS,
      to: undefined,
      gas: undefined,
      maxFeePerGas: undefined,
      value: 0n,
    });
    await rpc.result('eth_call', { from: ALICE.address, to: null, gas: '0x5208', gasPrice: '0x7', value: '0x1', nonce: '0x9' });
    expect(lastCall()?.request).toMatchObject({
      from: fromHex(ALICE.address),
      gas: 21_000n,
      maxFeePerGas: 7n,
      maxPriorityFeePerGas: 7n,
      value: 1n,
    });
    const accessList = [{ address: BOB.address, storageKeys: [toHex(padTo32(Uint8Array.of(5)))] }];
    await rpc.result('eth_call', { maxFeePerGas: '0x9', maxPriorityFeePerGas: '0x2', accessList });
    expect(lastCall()?.request).toMatchObject({
      maxFeePerGas: 9n,
      maxPriorityFeePerGas: 2n,
      accessList: [{ address: fromHex(BOB.address), storageKeys: [padTo32(Uint8Array.of(5))] }],
    });
  });

  it('hands authorizations on', async () => {
    const signed = await BOB.signAuthorization({ address: ALICE.address, chainId: CHAIN_ID, nonce: 3 });
    const fields = { r: quantity(BigInt(signed.r)), s: quantity(BigInt(signed.s)), yParity: quantity(signed.yParity ?? 0) };
    const authorization = { chainId: '0x539', address: ALICE.address, nonce: '0x3', ...fields };
    await rpc.result('eth_estimateGas', { to: BOB.address, authorizationList: [authorization] }, 'latest');
    expect(lastCall()?.request.authorizationList).toEqual([
      {
        ...{ chainId: 1337n, address: fromHex(ALICE.address), nonce: 3n, yParity: signed.yParity },
        ...{ r: BigInt(signed.r), s: BigInt(signed.s) },
      },
    ]);
    for (const wrong of [{ nonce: '0x10000000000000000' }, { r: undefined }, { yParity: '0x01' }, { address: '0x12' }]) {
      const { error } = await rpc.call('eth_call', { to: BOB.address, authorizationList: [{ ...authorization, ...wrong }] });
      expect(error?.message).toMatch(`authorizationList.${Object.keys(wrong)[0]}`);
    }
    const { error } = await rpc.call('eth_call', { authorizationList: [authorization] });
    expect(error).toMatchObject({ code: -32602, message: expect.stringMatching('cannot create a contract') });
  });

  it('hands state overrides on', async () => {
    const overrides = {
      [BOB.address]: { balance: '0x5', nonce: '0x1', code: '0x6000', stateDiff: { [`0x${'1'.padStart(64, '0')}`]: '0x2a' } },
    };
    await rpc.result('eth_call', {}, 'latest', overrides);
    expect(lastCall()?.overrides).toEqual([
      {
        address: fromHex(BOB.address),
        balance: 5n,
        nonce: 1n,
        code: fromHex('0x6000'),
        stateDiff: [{ key: padTo32(Uint8Array.of(1)), value: padTo32(Uint8Array.of(0x2a)) }],
      },
    ]);
  });

  it.each([
    [{ [BOB.address]: { state: {}, stateDiff: {} } }, 'both state and stateDiff'],
    [{ [BOB.address]: { movePrecompileToAddress: '0x12' } }, 'movePrecompileToAddress'],
    [{ '0x12': {} }, 'address'],
    [[], 'object'],
  ])('refuses the overrides %j', async (overrides, problem) => {
    const { error } = await rpc.call('eth_call', {}, 'latest', overrides);
    expect(error).toMatchObject({ code: -32602, message: expect.stringMatching(problem) });
  });

  it('refuses what a call cannot honour instead of ignoring it', async () => {
    const { error } = await rpc.call('eth_estimateGas', { blobs: ['0x01'] });
    expect(error?.message).toMatch('transaction.blobs: not supported');
    expect(await rpc.result('eth_estimateGas', { authorizationList: [] })).toBe('0x5208');
  });

  it.each(['eth_call', 'eth_estimateGas'])('%s answers a revert with code 3, its reason and its output', async (method) => {
    const { error } = await rpc.call(method, { to: toHex(REVERTER) });
    expect(error).toEqual({ code: 3, message: 'execution reverted: user error', data: REVERT_OUTPUT });
  });

  it('answers a failed call with the message of the engine', async () => {
    expect((await rpc.call('eth_call', { gas: '0x1' })).error).toEqual({ code: -32000, message: 'out of gas' });
  });
});

describe('eth_createAccessList', () => {
  const given = { address: BOB.address.toLowerCase(), storageKeys: [] };
  const found = { address: toHex(CONTRACT), storageKeys: [toHex(padTo32(Uint8Array.of(1)))] };

  it('answers the list and the gas', async () => {
    expect(await rpc.result('eth_createAccessList', { to: BOB.address, accessList: [given] }, 'latest')).toEqual({
      accessList: [given, found],
      gasUsed: '0x5208',
    });
  });

  it.each([
    [{ to: toHex(REVERTER) }, 'execution reverted'],
    [{ gas: '0x1' }, 'out of gas'],
  ])('of %j has the error "%s"', async (fields, error) => {
    expect(await rpc.result('eth_createAccessList', fields)).toMatchObject({ accessList: [found], error });
  });
});

describe('revertMessage', () => {
  const word = (value: number): string => value.toString(16).padStart(64, '0');

  it.each([
    ['0x', 'execution reverted'],
    ['0x12345678', 'execution reverted'],
    [`0x4e487b71${word(1)}`, 'execution reverted: assert(false)'],
    [`0x4e487b71${word(0x11)}`, 'execution reverted: arithmetic underflow or overflow'],
    [`0x4e487b71${word(0x77)}`, 'execution reverted: unknown panic code: 0x77'],
    ['0x4e487b7101', 'execution reverted'],
    [`0x08c379a0${word(32)}${'ff'.repeat(32)}`, 'execution reverted'],
    [`0x08c379a0${word(64)}${word(1)}61`, 'execution reverted'],
    [`0x08c379a0${word(32)}${word(2)}6f6b`, 'execution reverted: ok'],
  ])('%s', (output, message) => {
    expect(revertMessage(fromHex(output))).toBe(message);
  });
});
