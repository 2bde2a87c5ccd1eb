import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { fromHex, type Hex, padTo32, toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { ALICE, BOB, INITIAL_BALANCE, RpcHarness, type RpcSocket, signTransfer } from '../../support/rpc-harness.ts';

const ZERO = `0x${'00'.repeat(32)}`;
const SEVEN = toHex(padTo32(Uint8Array.of(7)));
const topic = (byte: string): Hex => `0x${byte.repeat(32)}`;
const alice = ALICE.address.toLowerCase();
const bob = BOB.address.toLowerCase();
const logger = toHex(LOGGER);

let rpc: RpcHarness;
let client: RpcSocket;
beforeEach(async () => {
  rpc = await new RpcHarness().start();
  client = await rpc.connect();
});
afterEach(() => rpc.stop());

async function send(fields: Parameters<typeof signTransfer>[0]): Promise<Hex> {
  return rpc.result('eth_sendRawTransaction', await signTransfer(fields));
}

const sendLog = (nonce: number, data: Hex): Promise<Hex> => send({ nonce, to: logger, data });

/** Ends when everything that was pushed before has arrived. */
const drained = (): Promise<unknown> => client.call('eth_chainId');

describe('stateChanges', () => {
  it('tells of the accounts asked for what holds after each mini-block, one message each', async () => {
    const id = await client.subscribe('stateChanges', [logger, alice]);
    await send({ nonce: 0, to: BOB.address, value: 5n });
    rpc.chain.mine();
    await sendLog(1, topic('0a'));
    rpc.chain.mine();
    expect(await client.nextPushes(id, 3)).toEqual([
      { address: alice, nonce: 1, balance: `0x${(INITIAL_BALANCE - 5n).toString(16)}`, storage: {} },
      { address: logger, nonce: 0, balance: '0x1', storage: { [topic('0a')]: '0x7' } },
      { address: alice, nonce: 2, balance: `0x${(INITIAL_BALANCE - 6n).toString(16)}`, storage: {} },
    ]);
  });

  it('says when an account is gone', async () => {
    const id = await client.subscribe('stateChanges', [alice]);
    const gone = { address: fromHex(alice), deleted: true, nonce: 0n, balance: 0n, code: undefined, slots: [] };
    rpc.chain.stateChanges.record = (number) => rpc.chain.stateChanges.byNumber.set(number, [gone]);
    rpc.chain.mine();
    expect(await client.nextPushes(id, 1)).toEqual([{ address: alice, nonce: 0, balance: '0x0', storage: {}, deleted: true }]);
  });

  it('reads nothing while nobody asks, and then only what is asked for', async () => {
    rpc.chain.mine();
    await drained();
    expect(rpc.chain.stateChanges.reads).toEqual([]);
    const ids = [await client.subscribe('stateChanges', [alice]), await client.subscribe('stateChanges', [alice, bob])];
    await drained();
    rpc.chain.mine();
    expect(rpc.chain.stateChanges.reads).toEqual([{ number: 2, wanted: new Set([alice.slice(2), bob.slice(2)]) }]);
    for (const id of ids) await client.call('eth_unsubscribe', id);
    rpc.chain.mine();
    expect(rpc.chain.stateChanges.reads).toHaveLength(1);
  });

  it('disconnects with a reason when changes are not to be had', async () => {
    await client.subscribe('stateChanges', [alice]);
    await drained();
    rpc.chain.stateChanges.of = async () => undefined;
    rpc.chain.mine();
    expect(await client.closed).toEqual({ code: 1013, reason: 'state changes are not kept any more' });
  });
});

describe('shreds', () => {
  it("are mini-blocks in RISE's words", async () => {
    const id = await client.subscribe('shreds');
    const first = await sendLog(0, topic('0a'));
    rpc.chain.mine();
    const second = await send({ nonce: 1, to: null, data: '0x6001', value: 0n });
    rpc.chain.mine();
    rpc.chain.mine();
    expect(await client.nextPushes(id, 3)).toEqual([
      {
        blockTimestamp: '0x6553f101',
        blockNumber: '0x1',
        shredIndex: 0,
        startingLogIndex: 0,
        transactions: [
          {
            ...{ hash: first, from: alice, to: logger, value: '0x1', gas: '0x186a0', type: 'eip1559', status: 'success' },
            ...{ gasUsed: '0x5208', cumulativeGasUsed: '0x5208' },
            logs: [{ address: logger, topics: [topic('0a')], data: '0x07' }],
          },
        ],
        stateChanges: [],
      },
      expect.objectContaining({
        shredIndex: 1,
        startingLogIndex: 1,
        transactions: [expect.objectContaining({ hash: second, to: null, cumulativeGasUsed: '0xa410', logs: [] })],
      }),
      // Without a transaction it still has its place among the block's logs.
      expect.objectContaining({ shredIndex: 2, startingLogIndex: 1, transactions: [], stateChanges: [] }),
    ]);
    expect(rpc.chain.stateChanges.reads).toEqual([]);
  });

  it('carry every state change when asked to', async () => {
    const id = await client.subscribe('shreds', true);
    await sendLog(0, topic('0a'));
    rpc.chain.mine();
    const [shred] = await client.nextPushes(id, 1);
    expect(shred.stateChanges).toEqual([
      { address: logger, nonce: 0, balance: '0x1', storageChanges: [{ slot: topic('0a'), value: SEVEN }], newCode: null },
      { address: alice, nonce: 1, balance: `0x${(INITIAL_BALANCE - 1n).toString(16)}`, storageChanges: [], newCode: null },
    ]);
    const code = Uint8Array.of(0x60, 1);
    const account = { address: fromHex(bob), deleted: false, nonce: 1n, balance: 2n, code, slots: [] };
    rpc.chain.stateChanges.record = (number) => rpc.chain.stateChanges.byNumber.set(number, [account]);
    rpc.chain.mine();
    const [, second] = await client.nextPushes(id, 2);
    expect(second.stateChanges).toEqual([{ address: bob, nonce: 1, balance: '0x2', storageChanges: [], newCode: '0x6001' }]);
  });
});

describe('flashblocks', () => {
  it('newFlashblocks: the open block so far with each mini-block', async () => {
    const early = await sendLog(0, topic('0a'));
    rpc.chain.mine();
    const id = await client.subscribe('newFlashblocks');
    await drained();
    const late = await sendLog(1, topic('0b'));
    rpc.chain.mine();
    const pending = await rpc.result('eth_getBlockByNumber', 'pending', true);
    rpc.chain.mine();
    const { hash } = rpc.chain.seal();
    rpc.chain.mine();
    const [first, second, next] = await client.nextPushes(id, 3);
    expect(first).toEqual(pending);
    expect(first).toMatchObject({
      number: '0x1',
      hash: null,
      gasUsed: '0xa410',
      transactions: [{ hash: early }, { hash: late }],
    });
    expect(second.transactions).toEqual(first.transactions);
    expect(next).toMatchObject({ number: '0x2', parentHash: toHex(hash), transactions: [], gasUsed: '0x0' });
  });

  it('newFlashblocks: begins anew after a rollback', async () => {
    const id = await client.subscribe('newFlashblocks');
    await sendLog(0, topic('0a'));
    rpc.chain.mine();
    rpc.chain.rollback(0);
    rpc.chain.mine();
    expect(await client.nextPushes(id, 2)).toMatchObject([{ gasUsed: '0x5208' }, { gasUsed: '0x0', transactions: [] }]);
  });

  it('newFlashblockTransactions: a hash each', async () => {
    const id = await client.subscribe('newFlashblockTransactions');
    const hashes = [await sendLog(0, topic('0a')), await send({ nonce: 1 })];
    await drained();
    expect(client.pushes(id)).toEqual([]);
    rpc.chain.mine();
    expect(await client.nextPushes(id, 2)).toEqual(hashes);
  });

  it('newFlashblockTransactions: whole, or those whose logs match, with all that the receipt adds', async () => {
    const full = await client.subscribe('newFlashblockTransactions', true);
    const filtered = await client.subscribe('newFlashblockTransactions', { address: logger, topics: [topic('0b')] });
    await sendLog(0, topic('0a'));
    const hash = await sendLog(1, topic('0b'));
    await send({ nonce: 2 });
    rpc.chain.mine();
    const [, second, third] = await client.nextPushes(full, 3);
    const receipt = await rpc.result('eth_getTransactionReceipt', hash);
    const transaction = await rpc.result('eth_getTransactionByHash', hash);
    const { gasUsed, status, cumulativeGasUsed, contractAddress, logsBloom, logs } = receipt;
    expect(second).toEqual({ ...transaction, gasUsed, status, cumulativeGasUsed, contractAddress, logsBloom, logs });
    expect(third).toMatchObject({ nonce: '0x2', logs: [], status: '0x1' });
    expect(await client.nextPushes(filtered, 1)).toEqual([second]);
    await drained();
    expect(client.pushes(filtered)).toHaveLength(1);
  });

  it('pendingLogs: one log each, and once more when it is undone', async () => {
    const id = await client.subscribe('pendingLogs', { address: logger, topics: [[topic('0a'), topic('0b')]] });
    await sendLog(0, topic('0a'));
    await sendLog(1, topic('0c'));
    rpc.chain.mine();
    rpc.chain.seal();
    await sendLog(2, topic('0b'));
    rpc.chain.mine();
    rpc.chain.rollback(0);
    expect(await client.nextPushes(id, 4)).toMatchObject([
      { topics: [topic('0a')], logIndex: '0x0', blockHash: ZERO, removed: false },
      { topics: [topic('0b')], blockNumber: '0x2', removed: false },
      { topics: [topic('0b')], blockNumber: '0x2', removed: true },
      { topics: [topic('0a')], blockNumber: '0x1', logIndex: '0x0', removed: true },
    ]);
  });
});

describe('filters of many subscribers', () => {
  it('each gets what matches, whatever it is filed under', async () => {
    const filters = [
      {},
      { address: logger },
      { address: bob },
      { topics: [topic('0a')] },
      { topics: [null, topic('0b')] },
      { topics: [[topic('0a'), topic('0c')], topic('0b')] },
      { address: [logger, bob], topics: [null, [topic('0b'), topic('0d')]] },
      { address: bob, topics: [null, topic('0b')] },
      { topics: [null, null, topic('0b')] },
    ];
    const ids: string[] = [];
    for (const filter of filters) ids.push(await client.subscribe('pendingLogs', filter));
    await sendLog(0, topic('0a'));
    await sendLog(1, `${topic('0a')}${'0b'.repeat(32)}`);
    await sendLog(2, `${topic('0c')}${'0d'.repeat(32)}`);
    rpc.chain.mine();
    await client.nextPushes(defined(ids[0]), 3);
    await drained();
    const got = ids.map((id) => client.pushes(id).map(({ transactionIndex }) => Number(transactionIndex)));
    expect(got).toEqual([[0, 1, 2], [0, 1, 2], [], [0, 1], [1], [1], [1, 2], [], []]);
    for (const id of ids) expect((await client.call('eth_unsubscribe', id)).result).toBe(true);
    await sendLog(3, topic('0a'));
    rpc.chain.mine();
    await drained();
    expect(client.pushes(defined(ids[0]))).toHaveLength(3);
  });
});

describe('parameters', () => {
  it('bounds the accounts of one subscription', async () => {
    const addresses = Array.from({ length: 1_001 }, () => alice);
    expect((await client.call('eth_subscribe', 'stateChanges', addresses)).error?.code).toBe(-32602);
  });

  it.each([
    [['stateChanges']],
    [['stateChanges', alice]],
    [['stateChanges', ['0x12']]],
    [['shreds', 'yes']],
    [['newFlashblocks', true]],
    [['newFlashblockTransactions', { address: 1 }]],
    [['pendingLogs', { blockHash: ZERO }]],
    [['newHeads', { resumeFrom: 1 }]],
    [['logs', { resumeFrom: 1 }]],
    [['miniBlocks', { resumeFrom: -1 }]],
    [['miniBlocks', { resumeFrom: { number: 1 } }]],
    [['miniBlocks', { resumeFrom: { epoch: 1, number: 1, digest: '0x00' } }]],
    [['miniBlocks', { cursors: 1 }]],
    [['shreds', true, 5]],
  ])('refuses %j', async (params) => {
    expect((await client.call('eth_subscribe', ...params)).error?.code).toBe(-32602);
  });
});
