import { afterAll, beforeAll, expect, test } from 'vitest';
import { toHex } from '../../../src/util/bytes.ts';
import { CONTRACT } from '../../support/fake-contracts.ts';
import { ALICE, RpcHarness } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness({ limits: { maxStorageValues: 3 } });
const contract = toHex(CONTRACT);
const WORD = { zero: `0x${'00'.repeat(32)}`, value: `0x${'00'.repeat(31)}2a` };

beforeAll(async () => {
  await rpc.start();
  for (let block = 1; block <= 40; block++) rpc.chain.seal();
});
afterAll(() => rpc.stop());

test.each([0, 1, 17, 39, 40])('eth_capabilities finds state from block %i on', async (oldest) => {
  rpc.chain.oldestState = oldest;
  rpc.chain.oldestBlock = 12;
  const history = { disabled: false, oldestBlock: '0xc' };
  expect(await rpc.result('eth_capabilities')).toEqual({
    head: { number: '0x28', hash: toHex((rpc.chain.blocks[40] as { hash: Uint8Array }).hash) },
    state: { disabled: false, oldestBlock: `0x${oldest.toString(16)}` },
    ...{ tx: history, logs: history, receipts: history, blocks: history },
    stateproofs: { disabled: true },
  });
  rpc.chain.oldestState = 0;
  rpc.chain.oldestBlock = 1;
});

test('eth_baseFee is what the next transaction is charged at least', async () => {
  const { baseFeePerGas } = await rpc.result('eth_getBlockByNumber', 'latest');
  const [tip, price, next] = [
    await rpc.result('eth_maxPriorityFeePerGas'),
    await rpc.result('eth_gasPrice'),
    await rpc.result('eth_baseFee'),
  ];
  expect(BigInt(next)).toBe(BigInt(price) - BigInt(tip));
  expect(BigInt(next)).toBeLessThanOrEqual(BigInt(baseFeePerGas));
});

test('eth_getStorageValues reads slots of several accounts, named as they were asked for', async () => {
  const asked = contract.toUpperCase().replace('0X', '0x');
  expect(await rpc.result('eth_getStorageValues', { [asked]: ['0x1', WORD.zero], [ALICE.address]: ['0x1'] }, 'latest')).toEqual({
    [asked]: [WORD.value, WORD.zero],
    [ALICE.address]: [WORD.zero],
  });
});

test.each<[unknown, number, string]>([
  [{}, -32602, 'invalid params: requests: empty request'],
  [{ [contract]: [] }, -32602, 'invalid params: requests: empty request'],
  [[], -32602, 'invalid params: requests: expected an object'],
  [{ '0x12': ['0x1'] }, -32602, 'invalid params: requests: expected a 20-byte address in hex'],
  [{ [contract]: '0x1' }, -32602, `invalid params: requests.${contract}: expected an array`],
  [{ [contract]: ['0x1', 'x'] }, -32602, `invalid params: requests.${contract}[1]: invalid hex in storage key`],
  [{ [contract]: ['0x1', '0x2', '0x3', '0x4'] }, -32005, 'too many slots: 4 are asked for, at most 3 are read'],
])('eth_getStorageValues refuses %j', async (requests, code, message) => {
  expect((await rpc.call('eth_getStorageValues', requests)).error).toEqual({ code, message });
});
