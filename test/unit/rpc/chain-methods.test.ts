import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { CONTRACT, LOGGER } from '../../support/fake-contracts.ts';
import { ALICE, BOB, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

/** Block 1: two transactions. Block 2 open: one. Pool: one. */
const rpc = new RpcHarness();
const hashes: string[] = [];
let blockHash = '';

async function send(nonce: number, fields = {}): Promise<void> {
  const raw = await signTransfer({ nonce, ...fields });
  hashes.push(await rpc.result('eth_sendRawTransaction', raw));
}

beforeAll(async () => {
  await rpc.start();
  await send(0, { tip: 100n });
  await send(1, { to: toHex(LOGGER), data: `0x${'07'.repeat(32)}`, tip: 300n });
  blockHash = toHex(rpc.chain.seal().hash);
  await send(2, { to: null, data: '0x6001' });
  rpc.chain.mine();
  await send(3);
});
afterAll(() => rpc.stop());

describe('blocks', () => {
  it('numbers the newest sealed block', async () => {
    expect(await rpc.result('eth_blockNumber')).toBe('0x1');
    expect(await rpc.result('eth_getBlockByNumber', 'latest')).toMatchObject({
      number: '0x1',
      hash: blockHash,
      transactions: hashes.slice(0, 2),
    });
  });

  it('gives the open block as pending, with a null hash', async () => {
    const block = await rpc.result('eth_getBlockByNumber', 'pending', true);
    expect(block).toMatchObject({ number: '0x2', hash: null, parentHash: blockHash, gasUsed: '0x5208' });
    expect(block.transactions).toMatchObject([{ hash: hashes[2], blockNumber: '0x2', transactionIndex: '0x0' }]);
    expect(await rpc.result('eth_getBlockTransactionCountByNumber', 'pending')).toBe('0x1');
    expect(await rpc.result('eth_getBlockReceipts', 'pending')).toMatchObject([{ transactionHash: hashes[2] }]);
  });

  it('answers null for what does not exist', async () => {
    const nowhere = `0x${'00'.repeat(32)}`;
    expect(await rpc.result('eth_getBlockByHash', nowhere, false)).toBeNull();
    expect(await rpc.result('eth_getBlockByNumber', '0x2', false)).toBeNull();
    expect(await rpc.result('eth_getBlockReceipts', '0x37')).toBeNull();
    expect(await rpc.result('eth_getBlockTransactionCountByHash', nowhere)).toBeNull();
    expect(await rpc.result('eth_getTransactionByHash', nowhere)).toBeNull();
    expect(await rpc.result('eth_getTransactionReceipt', nowhere)).toBeNull();
    for (const index of ['0x9', '0xffffffffffffffff']) {
      expect(await rpc.result('eth_getTransactionByBlockNumberAndIndex', '0x1', index)).toBeNull();
    }
    expect(await rpc.result('eth_getUncleCountByBlockNumber', '0x9')).toBeNull();
  });

  it.each(['safe', 'finalized'])('has error -39001 while there is no %s block', async (tag) => {
    const { error } = await rpc.call('eth_getBlockByNumber', tag, false);
    expect(error).toEqual({ code: -39001, message: `${tag} block not found` });
    expect((await rpc.call('eth_getBalance', ALICE.address, tag)).error?.code).toBe(-39001);
  });

  it('has no uncles', async () => {
    expect(await rpc.result('eth_getUncleCountByBlockHash', blockHash)).toBe('0x0');
    expect(await rpc.result('eth_getUncleByBlockNumberAndIndex', '0x1', '0x0')).toBeNull();
  });
});

describe('transactions and receipts', () => {
  it('places logs and gas of a block', async () => {
    expect(await rpc.result('eth_getTransactionReceipt', hashes[1])).toMatchObject({
      blockHash,
      blockNumber: '0x1',
      transactionIndex: '0x1',
      cumulativeGasUsed: '0xa410',
      gasUsed: '0x5208',
      logs: [{ logIndex: '0x0', blockHash, transactionIndex: '0x1', removed: false, blockTimestamp: '0x6553f101' }],
    });
  });

  it('shows a receipt before its block is sealed, with zero bytes as block hash', async () => {
    expect(await rpc.result('eth_getTransactionReceipt', hashes[2])).toMatchObject({
      blockNumber: '0x2',
      blockHash: `0x${'00'.repeat(32)}`,
      to: null,
      contractAddress: expect.stringMatching(/^0x[0-9a-f]{40}$/),
    });
  });

  it('shows pooled transactions without a place', async () => {
    expect(await rpc.result('eth_getTransactionByHash', hashes[3])).toMatchObject({
      hash: hashes[3],
      from: ALICE.address.toLowerCase(),
      nonce: '0x3',
      blockHash: null,
      blockNumber: null,
      transactionIndex: null,
      gasPrice: '0x1e8480',
    });
    expect(await rpc.result('eth_getTransactionReceipt', hashes[3])).toBeNull();
  });

  it('finds transactions by place', async () => {
    expect(await rpc.result('eth_getTransactionByBlockHashAndIndex', blockHash, '0x1')).toMatchObject({ hash: hashes[1] });
    expect(await rpc.result('eth_getTransactionByBlockNumberAndIndex', 'pending', '0x0')).toMatchObject({ hash: hashes[2] });
  });
});

describe('state', () => {
  it.each(['newest', '1', 1, '0x01', '0x', {}, { blockHash: '0x1' }, { blockHash: `0x${'11'.repeat(32)}`, blockNumber: '0x1' }])(
    'refuses %j as a block',
    async (form) => expect((await rpc.call('eth_getBalance', ALICE.address, form)).error?.code).toBe(-32602),
  );

  it('counts the pool in the pending nonce only', async () => {
    expect(await rpc.result('eth_getTransactionCount', ALICE.address, 'latest')).toBe('0x3');
    expect(await rpc.result('eth_getTransactionCount', ALICE.address, 'pending')).toBe('0x4');
  });

  it('reads code and storage', async () => {
    expect(await rpc.result('eth_getCode', toHex(CONTRACT))).toBe('0x60016002');
    expect(await rpc.result('eth_getCode', ALICE.address)).toBe('0x');
    expect(await rpc.result('eth_getCode', `0x${'99'.repeat(20)}`)).toBe('0x');
    for (const slot of ['0x1', '0x01', `0x${'1'.padStart(64, '0')}`]) {
      expect(await rpc.result('eth_getStorageAt', toHex(CONTRACT), slot, 'latest')).toBe(`0x${'2a'.padStart(64, '0')}`);
    }
    expect((await rpc.call('eth_getStorageAt', toHex(CONTRACT), `0x${'0'.repeat(65)}`)).error).toMatchObject({
      code: -32602,
      message: expect.stringMatching('storage key too long'),
    });
    expect((await rpc.call('eth_getStorageAt', toHex(CONTRACT), '0xasdf')).error?.message).toMatch('invalid hex in storage key');
  });
});

describe('fees', () => {
  it('adds the tip to the base fee of the open block', async () => {
    const baseFee = BigInt((await rpc.result('eth_getBlockByNumber', 'pending')).baseFeePerGas);
    const tip = BigInt(await rpc.result('eth_maxPriorityFeePerGas'));
    expect(BigInt(await rpc.result('eth_gasPrice'))).toBe(baseFee + tip);
    expect(tip).toBe(1_000_000n);
  });

  it('weighs tips by gas in eth_feeHistory and ends with the base fee of the next block', async () => {
    const [genesis, first, open] = await Promise.all(
      ['0x0', '0x1', 'pending'].map((block) => rpc.result('eth_getBlockByNumber', block)),
    );
    expect(await rpc.result('eth_feeHistory', 2, 'latest', [0, 50, 51, 100])).toEqual({
      oldestBlock: '0x0',
      baseFeePerGas: [genesis.baseFeePerGas, first.baseFeePerGas, open.baseFeePerGas],
      gasUsedRatio: [0, 42_000 / 30_000_000],
      baseFeePerBlobGas: ['0x1', '0x1', '0x1'],
      blobGasUsedRatio: [0, 0],
      reward: [
        ['0x0', '0x0', '0x0', '0x0'],
        ['0x64', '0x64', '0x12c', '0x12c'],
      ],
    });
    const pending = await rpc.result('eth_feeHistory', '0x400', 'pending');
    expect(pending.oldestBlock).toBe('0x0');
    for (const count of ['3', 3, '0x3']) expect(await rpc.result('eth_feeHistory', count, 'pending')).toEqual(pending);
    for (const count of ['-1', '1.5', '', 'x', {}])
      expect((await rpc.call('eth_feeHistory', count, 'pending')).error?.code).toBe(-32602);
    expect(pending.baseFeePerGas).toHaveLength(4);
    expect(pending).not.toHaveProperty('reward');
  });

  it('has no fees of no blocks, and none beyond the head, as geth', async () => {
    for (const newest of ['latest', '0x99']) {
      expect(await rpc.result('eth_feeHistory', '0x0', newest, [50])).toMatchObject({ oldestBlock: '0x0', gasUsedRatio: [] });
    }
    expect((await rpc.call('eth_feeHistory', '0x2', '0x99', [])).error).toEqual({
      code: -32000,
      message: 'request beyond head block: requested 153, head 2',
    });
  });

  it.each([[[50, 10]], [[-1]], [[101]], [['5']]])('refuses the percentiles %j', async (percentiles) => {
    expect((await rpc.call('eth_feeHistory', '0x1', 'latest', percentiles)).error?.code).toBe(-32602);
  });
});

describe('the node', () => {
  it.each([
    ['eth_sendTransaction', [{ from: ALICE.address, to: BOB.address }]],
    ['eth_signTransaction', [{ from: ALICE.address }]],
    ['eth_sign', [ALICE.address, '0x00']],
  ])('refuses %s, as it holds no keys', async (method, params) => {
    expect((await rpc.call(method, ...params)).error).toEqual({ code: -32000, message: 'unknown account' });
  });

  it('says who it is', async () => {
    expect(await rpc.result('web3_clientVersion')).toMatch(/^strobe\/v0\.1\.0\//);
    expect(await rpc.result('web3_sha3', '0x1234')).toBe(toHex(keccak256(fromHex('0x1234'))));
    expect(await rpc.result('net_version')).toBe('1337');
    expect(await rpc.result('net_listening')).toBe(true);
    expect(await rpc.result('net_peerCount')).toBe('0x3');
    expect(await rpc.result('eth_accounts')).toEqual([]);
    expect(await rpc.result('strobe_nodeInfo')).toMatchObject({
      role: 'sequencer',
      state: 'live',
      head: { number: '0x1', hash: blockHash },
      miniBlockNumber: '0x2',
      safe: null,
    });
  });

  it('lists peers with how they stand', async () => {
    const standing = { peer: '12D3Koo', score: -22, offences: 1, failures: 2, bannedForMs: 0 };
    rpc.chain.peers = [
      { ...standing, direction: 'inbound' },
      { ...standing, direction: undefined },
    ];
    expect(await rpc.result('strobe_peers')).toEqual([
      { ...standing, direction: 'inbound' },
      { ...standing, direction: null },
    ]);
  });

  it('tells how far it is behind', async () => {
    rpc.chain.syncing = { currentBlock: 5, highestBlock: 16 };
    expect(await rpc.result('eth_syncing')).toEqual({ startingBlock: '0x0', currentBlock: '0x5', highestBlock: '0x10' });
    rpc.chain.syncing = undefined;
    expect(await rpc.result('eth_syncing')).toBe(false);
  });

  it('shows mini-blocks, the ladder, attestations and evidence', async () => {
    expect(await rpc.result('strobe_miniBlock', 1)).toMatchObject({
      number: '0x1',
      blockNumber: '0x1',
      transactions: hashes.slice(0, 2),
    });
    expect(await rpc.result('strobe_miniBlock', '0x2')).toMatchObject({ transactions: [hashes[2]] });
    expect(await rpc.result('strobe_miniBlock', 9)).toBeNull();
    for (const wrong of [-1, 0.5, '7', null]) expect((await rpc.call('strobe_miniBlock', wrong)).error?.code).toBe(-32602);
    expect(await rpc.result('strobe_blockStatus', blockHash)).toMatchObject({
      blockNumber: '0x1',
      tag: 'latest',
      rootVerified: false,
    });
    expect(await rpc.result('strobe_blockStatus', '0x9')).toBeNull();
    expect(await rpc.result('strobe_attestations', 'latest')).toMatchObject([{ blockNumber: '0x1', success: true }]);
    expect(await rpc.result('strobe_equivocations')).toEqual([{ first: '0x01', second: '0x02' }]);
  });
});
