import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { EMPTY_STATE_DIFF } from '../../../src/protocol/state-diff.ts';
import { fromHex, padTo32 } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { ALICE, BOB, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

let rpc: RpcHarness;
beforeAll(async () => {
  rpc = await new RpcHarness().start();
});
afterAll(() => rpc.stop());
beforeEach(() => {
  rpc.chain.simulator.asked.length = 0;
});

const lastAsked = () => defined(rpc.chain.simulator.asked.at(-1));
const simulate = (payload: unknown, ...block: unknown[]) => rpc.call('eth_simulateV1', payload, ...block);
const withCall = (call: object) => ({ blockStateCalls: [{ calls: [call] }] });
const withOverrides = (blockOverrides: object) => ({ blockStateCalls: [{ blockOverrides }] });

describe('eth_simulateV1', () => {
  it('hands blocks, overrides and calls on', async () => {
    const word = `0x${'ab'.repeat(32)}`;
    const { result } = await simulate({
      blockStateCalls: [
        {
          blockOverrides: {
            ...{ number: '0x5', time: '0x6', gasLimit: '0x7', feeRecipient: BOB.address, prevRandao: word },
            ...{ baseFeePerGas: '0x8', blobBaseFee: '0x9', beaconRoot: word },
            withdrawals: [{ index: '0x1', validatorIndex: '0x2', address: BOB.address, amount: '0x3' }],
          },
          stateOverrides: { [ALICE.address]: { balance: '0x1', movePrecompileToAddress: BOB.address } },
          calls: [
            { from: ALICE.address, gasPrice: '0x4', nonce: '0x5', blobVersionedHashes: [word], maxFeePerBlobGas: '0x6' },
            {},
          ],
        },
        {},
      ],
      validation: true,
      traceTransfers: true,
    });
    expect(result).toEqual([]);
    const { request } = lastAsked();
    const address = fromHex(BOB.address);
    expect(request).toMatchObject({ validation: true, traceTransfers: true });
    expect(request.blocks[0]).toMatchObject({
      blockOverrides: {
        ...{ number: 5, timestamp: 6, gasLimit: 7n, coinbase: address, prevRandao: fromHex(word) },
        ...{ baseFeePerGas: 8n, blobBaseFee: 9n, parentBeaconRoot: fromHex(word) },
        withdrawals: [{ index: 1n, validatorIndex: 2n, address, amountGwei: 3n }],
      },
      stateOverrides: [{ address: fromHex(ALICE.address), balance: 1n, movePrecompileTo: address }],
      calls: [
        { hasGasPrice: true, maxFeePerGas: 4n, nonce: 5n, blobVersionedHashes: [fromHex(word)], maxFeePerBlobGas: 6n },
        { hasGasPrice: false, maxFeePerGas: undefined, nonce: undefined },
      ],
    });
    expect(request.blocks[1]).toEqual({ blockOverrides: {}, stateOverrides: [], calls: [] });
  });

  it('builds on the sealed block that is named', async () => {
    const { header, hash } = rpc.chain.seal();
    for (const block of ['0x1', `0x${Buffer.from(hash).toString('hex')}`]) {
      await simulate({ blockStateCalls: [{}] }, block);
      expect(lastAsked().base).toMatchObject({ header, hash, changes: EMPTY_STATE_DIFF, nextTimestamp: undefined });
    }
    expect((await simulate({ blockStateCalls: [{}] }, '0x99')).error).toMatchObject({
      code: -32000,
      message: 'header not found',
    });
    expect((await simulate({ blockStateCalls: [{}] }, 'safe')).error?.code).toBe(-39001);
  });

  it('builds on the head with the mini-blocks above it at latest', async () => {
    await rpc.result('eth_sendRawTransaction', await signTransfer());
    rpc.chain.mine();
    const head = defined(rpc.chain.blocks.at(-1));
    await simulate({ blockStateCalls: [{}] });
    const { base } = lastAsked();
    expect(base).toMatchObject({ header: head.header, hash: head.hash, nextTimestamp: head.header.timestamp + 1 });
    expect(base.changes).toBeDefined();
    expect(base.state.getAccount(fromHex(ALICE.address))?.nonce).toBe(1n);
  });

  it.each([
    [undefined, -32602, 'payload'],
    [{}, -32602, 'blockStateCalls: expected an array'],
    [{ blockStateCalls: [] }, -32602, 'blockStateCalls: empty input'],
    [{ blockStateCalls: Array(257).fill({}) }, -38026, 'too many blocks'],
    [{ blockStateCalls: [{}], validation: 1 }, -32602, 'validation: expected true or false'],
    [withCall({ to: '0x' }), -32602, 'blockStateCalls[0].calls[0].to'],
    [withCall({ nonce: `0x1${'0'.repeat(16)}` }), -32602, 'blockStateCalls[0].calls[0].nonce: expected at most 64 bits'],
    [withCall({ blobVersionedHashes: Array(10).fill(`0x${'01'.repeat(32)}`) }), -32602, 'at most 9 entries'],
    [withOverrides({ number: '0x20000000000000' }), -32602, 'blockStateCalls[0].blockOverrides.number'],
    [withOverrides({ withdrawals: Array(17).fill({}) }), -32602, 'blockOverrides.withdrawals: at most 16 entries'],
    [{ blockStateCalls: [{ calls: Array(2_501).fill({}) }, { calls: Array(2_500).fill({}) }] }, -38026, 'too many calls'],
  ])('refuses %j', async (payload, code, message) => {
    expect((await simulate(payload)).error).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('block overrides of eth_call and eth_estimateGas', () => {
  const lastEnv = () => defined(rpc.chain.calls.at(-1)).position.env;

  it.each(['eth_call', 'eth_estimateGas'])('%s runs in the block that it is given', async (method) => {
    const random = `0x${'cd'.repeat(32)}`;
    await rpc.result(method, {}, 'latest', {}, { number: '0x20', time: '0x30', gasLimit: '0x40', prevRandao: random });
    expect(lastEnv()).toMatchObject({ number: 32, timestamp: 48, gasLimit: 64n, prevRandao: fromHex(random) });
    await rpc.result(method, {}, 'latest', null, { feeRecipient: BOB.address, baseFeePerGas: '0x7', blobBaseFee: '0x8' });
    expect(lastEnv()).toMatchObject({ coinbase: fromHex(BOB.address), baseFeePerGas: 7n, blobBaseFee: 8n });
    const aliases = { coinbase: BOB.address, baseFee: '0x1', random, timestamp: '0x2' };
    await rpc.result(method, {}, 'latest', {}, aliases);
    expect(lastEnv()).toMatchObject({ coinbase: fromHex(BOB.address), baseFeePerGas: 1n, timestamp: 2 });
  });

  it('what is not overridden stays', async () => {
    await rpc.result('eth_call', {}, 'latest');
    const usual = lastEnv();
    await rpc.result('eth_call', {}, 'latest', {}, { number: '0x20', difficulty: '0x5' });
    expect(lastEnv()).toEqual({ ...usual, number: 32 });
  });

  it.each([
    [{ withdrawals: [] }, -32000, 'block override "withdrawals" is not supported for this RPC method'],
    [{ beaconRoot: `0x${'00'.repeat(32)}` }, -32000, 'block override "beaconRoot" is not supported for this RPC method'],
    [{ number: 5 }, -32602, 'blockOverrides.number'],
    [[], -32602, 'blockOverrides: expected an object'],
  ])('refuses %j', async (overrides, code, message) => {
    const { error } = await rpc.call('eth_call', {}, 'latest', {}, overrides);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });

  it('hands blobs and moved precompiles on', async () => {
    const hash = `0x01${'00'.repeat(31)}`;
    const overrides = { '0x0000000000000000000000000000000000000001': { movePrecompileToAddress: BOB.address } };
    await rpc.result('eth_call', { blobVersionedHashes: [hash], maxFeePerBlobGas: '0x5' }, 'latest', overrides);
    expect(defined(rpc.chain.calls.at(-1))).toMatchObject({
      request: { blobVersionedHashes: [fromHex(hash)], maxFeePerBlobGas: 5n },
      overrides: [{ address: padTo32(Uint8Array.of(1)).subarray(12), movePrecompileTo: fromHex(BOB.address) }],
    });
  });
});
