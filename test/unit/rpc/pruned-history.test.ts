import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Hex, toHex } from '../../../src/util/bytes.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { runs } from '../../support/property-runs.ts';
import { ALICE, type RpcAnswer, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

/** Sealed blocks beside block 0, each with one log. */
const BLOCKS = 8;
const OLDEST = 5;
const PRUNED = { code: 4444, message: 'pruned history unavailable' };
const TOPIC: Hex = `0x${'07'.repeat(32)}`;

let rpc: RpcHarness;
/** Of each block, block 0 included. */
let blockHashes: Hex[];
/** Of the transaction of block `i + 1`. */
let transactionHashes: Hex[];

beforeEach(async () => {
  rpc = await new RpcHarness({ limits: { maxLogRangeBlocks: 100 } }).start();
  transactionHashes = [];
  for (let nonce = 0; nonce < BLOCKS; nonce++) {
    const raw = await signTransfer({ nonce, to: toHex(LOGGER), data: TOPIC });
    transactionHashes.push(await rpc.result('eth_sendRawTransaction', raw));
    rpc.chain.seal();
  }
  blockHashes = rpc.chain.blocks.map(({ hash }) => toHex(hash));
});
afterEach(() => rpc.stop());

const hex = (number: number): Hex => `0x${number.toString(16)}`;

type Call = readonly [method: string, ...params: unknown[]];

/** Every method that reads one block by a number or tag. */
const callsAt = (block: string): Call[] => [
  ['eth_getBlockByNumber', block, true],
  ['eth_getBlockTransactionCountByNumber', block],
  ['eth_getUncleCountByBlockNumber', block],
  ['eth_getUncleByBlockNumberAndIndex', block, '0x0'],
  ['eth_getBlockReceipts', block],
  ['eth_getBlockReceipts', { blockNumber: block }],
  ['eth_getTransactionByBlockNumberAndIndex', block, '0x0'],
  ['debug_getRawBlock', block],
  ['debug_getRawHeader', block],
  ['debug_getRawReceipts', block],
  ['eth_feeHistory', 1, block, [50]],
  ['eth_getLogs', { fromBlock: block, toBlock: block }],
  ['strobe_blockStatus', block],
  ['strobe_attestations', block],
];

/** Every method that finds by hash. */
const callsOf = (number: number): Call[] => [
  ['eth_getBlockByHash', blockHashes[number], true],
  ['eth_getBlockTransactionCountByHash', blockHashes[number]],
  ['eth_getUncleCountByBlockHash', blockHashes[number]],
  ['eth_getBlockReceipts', blockHashes[number]],
  ['eth_getBlockReceipts', { blockHash: blockHashes[number] }],
  ['eth_getTransactionByBlockHashAndIndex', blockHashes[number], '0x0'],
  ['strobe_blockStatus', blockHashes[number]],
  ['strobe_attestations', blockHashes[number]],
  ['eth_getTransactionByHash', transactionHashes[number - 1]],
  ['eth_getTransactionReceipt', transactionHashes[number - 1]],
];

const ask = ([method, ...params]: Call): Promise<RpcAnswer> => rpc.call(method, ...params);
const askAll = (calls: Call[]): Promise<RpcAnswer[]> => Promise.all(calls.map(ask));

describe('by number', () => {
  it.each([1, 2, OLDEST - 1])('block %i is error 4444', async (number) => {
    rpc.chain.oldestBlock = OLDEST;
    for (const call of callsAt(hex(number))) expect((await ask(call)).error, call[0]).toEqual(PRUNED);
  });

  it.each([0, OLDEST, BLOCKS])('block %i is as before', async (number) => {
    const before = await askAll(callsAt(hex(number)));
    rpc.chain.oldestBlock = OLDEST;
    expect(await askAll(callsAt(hex(number)))).toEqual(before);
    for (const { error } of before) expect(error).toBeUndefined();
  });

  it('a block above the head is not there, and not pruned', async () => {
    rpc.chain.oldestBlock = OLDEST;
    expect(await rpc.result('eth_getBlockByNumber', hex(BLOCKS + 1), false)).toBeNull();
    expect((await rpc.call('eth_feeHistory', 1, hex(BLOCKS + 1))).error?.message).toMatch('beyond head');
  });
});

describe('by hash', () => {
  it('finds nothing of a pruned block, and the others as before', async () => {
    const before = await askAll(callsOf(OLDEST));
    rpc.chain.oldestBlock = OLDEST;
    for (const call of callsOf(OLDEST - 1)) expect((await ask(call)).result, call[0]).toBeNull();
    expect(await askAll(callsOf(OLDEST))).toEqual(before);
    for (const { result } of before) expect(result).toBeTruthy();
    expect((await rpc.call('eth_getLogs', { blockHash: blockHashes[1] })).error?.message).toBe('unknown block');
  });
});

describe('earliest', () => {
  it('is block 0 until history is pruned, then the oldest block that is left', async () => {
    expect(await askAll(callsAt('earliest'))).toEqual(await askAll(callsAt('0x0')));
    rpc.chain.oldestBlock = OLDEST;
    expect(await askAll(callsAt('earliest'))).toEqual(await askAll(callsAt(hex(OLDEST))));
  });

  it('stays block 0 for state, which other blocks have as long as it is kept', async () => {
    const blocks = ['earliest', hex(OLDEST - 1), { blockHash: blockHashes[BLOCKS] }];
    const calls = blocks.flatMap((block): Call[] => [
      ['eth_getBalance', ALICE.address, block],
      ['eth_getTransactionCount', ALICE.address, block],
      ['eth_getCode', ALICE.address, block],
      ['eth_getStorageAt', ALICE.address, '0x0', block],
    ]);
    const before = await askAll(calls);
    rpc.chain.oldestBlock = OLDEST;
    expect(await askAll(calls)).toEqual(before);
    for (const { error } of before) expect(error).toBeUndefined();
  });

  it('is a younger block when that one is pruned while it is read', async () => {
    const expected = await askAll(callsAt(hex(OLDEST + 1)));
    for (const [index, call] of callsAt('earliest').entries()) {
      rpc.chain.oldestBlock = OLDEST;
      rpc.chain.onRead = () => {
        rpc.chain.oldestBlock = OLDEST + 1;
      };
      const answer = await ask(call);
      // Those that read nothing notice nothing.
      const isRead = rpc.chain.oldestBlock > OLDEST;
      if (isRead) expect(answer, call[0]).toEqual(expected[index]);
      expect(answer.error).toBeUndefined();
    }
  });
});

describe('eth_feeHistory', () => {
  it('ends at the oldest block that is left', async () => {
    rpc.chain.oldestBlock = OLDEST;
    const history = await rpc.result('eth_feeHistory', 100, hex(OLDEST + 1), [50]);
    expect(history).toMatchObject({ oldestBlock: hex(OLDEST), gasUsedRatio: [expect.any(Number), expect.any(Number)] });
    expect(history.baseFeePerGas).toHaveLength(3);
    expect(history.reward).toHaveLength(2);
    expect(await rpc.result('eth_feeHistory', 100, '0x0')).toMatchObject({ oldestBlock: '0x0', gasUsedRatio: [0] });
  });
});

describe('logs', () => {
  it.each([
    [{ fromBlock: '0x0', toBlock: 'latest' }],
    [{ fromBlock: '0x1', toBlock: hex(OLDEST) }],
    [{ fromBlock: hex(OLDEST - 1) }],
    [{ fromBlock: '0x0', toBlock: '0x1' }],
  ])('%j is refused whole, by every method that takes it', async (range) => {
    const early = await rpc.result('eth_newFilter', range);
    const socket = await rpc.connect();
    rpc.chain.oldestBlock = OLDEST;
    for (const call of [
      ['eth_getLogs', range],
      ['eth_newFilter', range],
      ['eth_getFilterLogs', early],
    ] as const) {
      expect((await ask(call)).error, call[0]).toEqual(PRUNED);
    }
    expect((await socket.call('eth_subscribe', 'logs', range)).error).toEqual(PRUNED);
  });

  it('a refusal comes before the limit on ranges: a shorter one would not help', async () => {
    const limited = await new RpcHarness({ limits: { maxLogRangeBlocks: 1 } }).start();
    for (let block = 0; block < 3; block++) limited.chain.seal();
    limited.chain.oldestBlock = 2;
    expect((await limited.call('eth_getLogs', { fromBlock: '0x1', toBlock: '0x3' })).error).toEqual(PRUNED);
    expect((await limited.call('eth_getLogs', { fromBlock: '0x2', toBlock: '0x3' })).error?.code).toBe(-32005);
    await limited.stop();
  });

  it('what is left can be searched, filtered and subscribed to', async () => {
    rpc.chain.oldestBlock = OLDEST;
    for (const fromBlock of ['earliest', hex(OLDEST)]) {
      const id = await rpc.result('eth_newFilter', { fromBlock, toBlock: 'latest' });
      for (const logs of [await rpc.result('eth_getLogs', { fromBlock }), await rpc.result('eth_getFilterLogs', id)]) {
        expect(logs.map(({ blockNumber }: { blockNumber: Hex }) => Number(blockNumber))).toEqual([5, 6, 7, 8]);
      }
      expect((await (await rpc.connect()).call('eth_subscribe', 'logs', { fromBlock })).error).toBeUndefined();
    }
    expect(await rpc.result('eth_getLogs', { fromBlock: '0x0', toBlock: '0x0' })).toEqual([]);
  });

  it('a filter that was not polled until its blocks were pruned says so, again and again', async () => {
    const id = await rpc.result('eth_newFilter', {});
    rpc.chain.seal();
    rpc.chain.seal();
    rpc.chain.oldestBlock = BLOCKS + 2;
    for (let poll = 0; poll < 2; poll++) expect((await rpc.call('eth_getFilterChanges', id)).error).toEqual(PRUNED);
  });

  it('leaves nothing behind of a filter or subscription that is refused', async () => {
    const limited = await new RpcHarness({ limits: { maxFilters: 1, maxSubscriptionsPerConnection: 1 } }).start();
    limited.chain.seal();
    limited.chain.seal();
    limited.chain.oldestBlock = 2;
    const socket = await limited.connect();
    for (let attempt = 0; attempt < 3; attempt++) {
      expect((await limited.call('eth_newFilter', { fromBlock: '0x1' })).error).toEqual(PRUNED);
      expect((await socket.call('eth_subscribe', 'logs', { fromBlock: '0x1' })).error).toEqual(PRUNED);
    }
    limited.chain.seal();
    expect(await limited.metric('rpc_subscriptions')).toBe(0);
    expect(socket.messages.filter(({ method }) => method === 'eth_subscription')).toEqual([]);
    await limited.stop();
  });
});

it('strobe_nodeInfo shows the oldest block', async () => {
  expect(await rpc.result('strobe_nodeInfo')).toMatchObject({ oldestBlock: '0x0' });
  rpc.chain.oldestBlock = OLDEST;
  expect(await rpc.result('strobe_nodeInfo')).toMatchObject({ oldestBlock: hex(OLDEST) });
});

describe('whatever is asked while history is pruned', () => {
  const number = fc.nat(BLOCKS);
  /** The oldest block before a read, and after that many reads began. */
  const pruning = fc.record({ before: fc.integer({ min: 1, max: BLOCKS }), rise: number, reads: fc.nat(6) });

  /** Asks with nothing pruned, and then while the mark rises. */
  async function askTwice(call: Call, { before, rise, reads }: { before: number; rise: number; reads: number }) {
    Object.assign(rpc.chain, { oldestBlock: 1, onRead: () => {} });
    const whole = await ask(call);
    let begun = 0;
    rpc.chain.oldestBlock = before;
    rpc.chain.onRead = () => {
      if (begun++ === reads) rpc.chain.oldestBlock = Math.min(before + rise, BLOCKS);
    };
    return { whole, answer: await ask(call) };
  }

  it('every answer by number is the whole one or error 4444', async () => {
    const call = fc
      .tuple(number, number, fc.nat(callsAt('').length))
      .map(
        ([first, last, kind]): Call =>
          callsAt(hex(first))[kind] ?? ['eth_getLogs', { fromBlock: hex(first), toBlock: hex(last) }],
      );
    await fc.assert(
      fc.asyncProperty(call, pruning, async (asked, marks) => {
        const { whole, answer } = await askTwice(asked, marks);
        expect([whole, { ...answer, error: PRUNED }]).toContainEqual(answer);
      }),
      runs(150),
    );
  });

  it('every answer by hash is the whole one or null', async () => {
    const call = fc.tuple(fc.integer({ min: 1, max: BLOCKS }), fc.nat(9)).map(([block, kind]) => callsOf(block)[kind] as Call);
    await fc.assert(
      fc.asyncProperty(call, pruning, async (asked, marks) => {
        const { whole, answer } = await askTwice(asked, marks);
        expect([whole, { ...whole, result: null }]).toContainEqual(answer);
      }),
      runs(100),
    );
  });

  it('a fee history has every block from its oldest to the newest that was asked for', async () => {
    await fc.assert(
      fc.asyncProperty(number, fc.integer({ min: 1, max: 12 }), pruning, async (newest, count, marks) => {
        const { whole, answer } = await askTwice(['eth_feeHistory', count, hex(newest)], marks);
        if (answer.error !== undefined) {
          expect(answer.error).toEqual(PRUNED);
          return;
        }
        const oldest = Number(answer.result.oldestBlock);
        const blocks = newest + 1 - oldest;
        expect(oldest).toBeGreaterThanOrEqual(newest > 0 && marks.before > 1 ? marks.before : 0);
        expect(answer.result.gasUsedRatio).toEqual(whole.result.gasUsedRatio.slice(-blocks));
        expect(answer.result.baseFeePerGas).toEqual(whole.result.baseFeePerGas.slice(-blocks - 1));
      }),
      runs(100),
    );
  });
});
