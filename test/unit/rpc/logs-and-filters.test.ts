import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Hex, toHex } from '../../../src/util/bytes.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

const topic = (byte: string): Hex => `0x${byte.repeat(32)}`;
let rpc: RpcHarness;
let nonce = 0;
beforeEach(async () => {
  nonce = 0;
  rpc = await new RpcHarness({ limits: { maxLogRangeBlocks: 3, maxFilters: 2, maxFilterQueue: 3, filterTtlMs: 60_000 } }).start();
});
afterEach(async () => {
  vi.restoreAllMocks();
  await rpc.stop();
});

async function sendLog(data: Hex): Promise<string> {
  return rpc.result('eth_sendRawTransaction', await signTransfer({ nonce: nonce++, to: toHex(LOGGER), data }));
}

async function sealLog(data: Hex): Promise<Hex> {
  await sendLog(data);
  return toHex(rpc.chain.seal().hash);
}

describe('eth_getLogsWithCursor', () => {
  const search = (filter: object) => rpc.result('eth_getLogsWithCursor', filter);
  /** Topics of the logs of a page. */
  const topicsOf = ({ logs }: { logs: { topics: string[] }[] }): (string | undefined)[] => logs.map(({ topics }) => topics[0]);

  it('gives a long search page by page, with what was sealed when it began', async () => {
    for (const byte of ['01', '02', '03', '04', '05']) await sealLog(topic(byte));
    const filter = { fromBlock: '0x1', address: toHex(LOGGER) };
    const first = await search(filter);
    expect(topicsOf(first)).toEqual([topic('01'), topic('02')]);
    await sealLog(topic('06'));
    const second = await search({ ...filter, cursor: first.cursor });
    expect(topicsOf(second)).toEqual([topic('03'), topic('04')]);
    const third = await search({ ...filter, cursor: second.cursor });
    expect(topicsOf(third)).toEqual([topic('05')]);
    expect(third).not.toHaveProperty('cursor');
    // A cursor can be used again.
    expect(await search({ ...filter, cursor: second.cursor })).toEqual(third);
  });

  it('refuses cursors of other filters, of chains that are gone, and what is none', async () => {
    for (const byte of ['01', '02', '03']) await sealLog(topic(byte));
    const filter = { fromBlock: '0x1', address: toHex(LOGGER) };
    const { cursor } = await search(filter);
    const failure = async (cursor: unknown, changed: object = {}) =>
      (await rpc.call('eth_getLogsWithCursor', { ...filter, ...changed, cursor })).error;
    expect(await failure(cursor, { fromBlock: '0x2' })).toMatchObject({
      code: -32602,
      message: expect.stringMatching(/another filter/),
    });
    expect(await failure(cursor, { topics: [topic('01')] })).toMatchObject({ code: -32602 });
    for (const value of ['0x', '0xc0', '0xzz', 7, `${cursor}00`]) expect(await failure(value)).toMatchObject({ code: -32602 });
    const [head] = rpc.chain.blocks.splice(3, 1);
    expect(await failure(cursor)).toMatchObject({ code: -32000, message: expect.stringMatching(/orphaned/) });
    if (head !== undefined) rpc.chain.blocks.push({ ...head, hash: new Uint8Array(32) });
    expect(await failure(cursor)).toMatchObject({ code: -32000, message: expect.stringMatching(/orphaned/) });
  });

  it.each([
    [{ toBlock: 'pending' }, -32602, 'not at pending'],
    [{ fromBlock: '0x0', toBlock: '0x9' }, -32602, 'beyond current head'],
    [{ fromBlock: '0x1', toBlock: '0x0' }, -32602, 'invalid block range'],
    [{ blockHash: topic('01') }, -32000, 'unknown block'],
  ])('refuses %j', async (filter, code, message) => {
    await sealLog(topic('07'));
    const { error } = await rpc.call('eth_getLogsWithCursor', filter);
    expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
  });
});

describe('eth_getLogs', () => {
  it('finds logs by range, address and topics', async () => {
    await sealLog(topic('07'));
    const second = await sealLog(`${topic('07')}${'08'.repeat(32)}`);
    const range = { fromBlock: '0x1', toBlock: '0x2' };
    const numbersOf = async (filter: object): Promise<string[]> =>
      (await rpc.result('eth_getLogs', filter)).map(({ blockNumber }: { blockNumber: string }) => blockNumber);
    expect(await numbersOf(range)).toEqual(['0x1', '0x2']);
    expect(await numbersOf({ ...range, address: toHex(LOGGER) })).toEqual(['0x1', '0x2']);
    expect(await numbersOf({ ...range, address: [topic('99').slice(0, 42)] })).toEqual([]);
    expect(await numbersOf({ ...range, topics: [topic('07'), topic('08')] })).toEqual(['0x2']);
    expect(await numbersOf({ ...range, topics: [[], [topic('08'), topic('09')]] })).toEqual(['0x2']);
    expect(await numbersOf({ blockHash: second })).toEqual(['0x2']);
    expect(await numbersOf({})).toEqual(['0x2']);
  });

  it('gives logs of the open block to those who ask for pending only', async () => {
    await sealLog(topic('07'));
    await sendLog(topic('08'));
    rpc.chain.mine();
    expect(await rpc.result('eth_getLogs', { fromBlock: '0x0', toBlock: 'latest' })).toHaveLength(1);
    expect(await rpc.result('eth_getLogs', { fromBlock: '0x0', toBlock: 'pending' })).toMatchObject([
      {},
      { blockHash: `0x${'00'.repeat(32)}` },
    ]);
    expect(await rpc.result('eth_getLogs', { fromBlock: 'pending' })).toMatchObject([{ topics: [topic('08')] }]);
  });

  it('finds nothing behind the newest block up to pending while no block is open', async () => {
    await sealLog(topic('07'));
    const behind = { fromBlock: '0x2', toBlock: 'pending' };
    expect(await rpc.result('eth_getLogs', behind)).toEqual([]);
    await sendLog(topic('08'));
    rpc.chain.mine();
    expect(await rpc.result('eth_getLogs', behind)).toMatchObject([{ topics: [topic('08')] }]);
    expect((await rpc.call('eth_getLogs', { fromBlock: '0x3', toBlock: 'pending' })).error?.code).toBe(-32602);
  });

  it('by block hash are those of that block, though another one has its number by now', async () => {
    const blockHash = await sealLog(topic('07'));
    await sendLog(topic('09'));
    rpc.chain.onRead = () => {
      rpc.chain.onRead = () => {};
      queueMicrotask(() => {
        rpc.chain.rollback(0);
        rpc.chain.seal();
      });
    };
    const logs = await rpc.result('eth_getLogs', { blockHash });
    expect(logs).toMatchObject([{ blockHash, topics: [topic('07')] }]);
    expect(await rpc.result('eth_getLogs', { fromBlock: '0x1' })).toMatchObject([{ topics: [topic('09')] }]);
  });

  it.each([
    [{ fromBlock: '0x0', toBlock: '0x9' }, -32602, 'block range extends beyond current head block'],
    [{ fromBlock: '0x1', toBlock: '0x0' }, -32602, 'invalid block range'],
    [{ fromBlock: '0x0', toBlock: '0x3' }, -32005, 'max block range'],
    [{ blockHash: topic('01'), fromBlock: '0x0' }, -32602, 'cannot specify both'],
    [{ blockHash: topic('01') }, -32000, 'unknown block'],
    [{ fromBlock: 'safe' }, -39001, 'safe block not found'],
    [{ address: '0x12' }, -32602, 'filter.address'],
    [{ topics: [['0x12']] }, -32602, 'filter.topics'],
    [{ topics: [null, null, null, null, null] }, -32602, 'filter.topics'],
    ['latest', -32602, 'filter'],
  ])('refuses %j', async (filter, code, message) => {
    for (let block = 0; block < 3; block++) rpc.chain.seal();
    const { error } = await rpc.call('eth_getLogs', filter);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});

describe('filters', () => {
  const changes = (id: string) => rpc.result('eth_getFilterChanges', id);

  it('blocks: hashes since the last poll', async () => {
    const id = await rpc.result('eth_newBlockFilter');
    const hashes = [toHex(rpc.chain.seal().hash), toHex(rpc.chain.seal().hash)];
    expect(await changes(id)).toEqual(hashes);
    expect(await changes(id)).toEqual([]);
  });

  it('pending transactions: hashes since the last poll, and the pool is left alone afterwards', async () => {
    const before = rpc.chain.listenerCount;
    const id = await rpc.result('eth_newPendingTransactionFilter');
    const hash = await sendLog(topic('07'));
    expect(await changes(id)).toEqual([hash]);
    expect(await changes(id)).toEqual([]);
    expect(await rpc.result('eth_uninstallFilter', id)).toBe(true);
    expect(rpc.chain.listenerCount).toBe(before);
  });

  it('logs: those of blocks sealed since the last poll', async () => {
    await sealLog(topic('07'));
    const id = await rpc.result('eth_newFilter', { topics: [[topic('07'), topic('08')]] });
    expect(await changes(id)).toEqual([]);
    await sealLog(topic('08'));
    await sealLog(topic('09'));
    expect(await changes(id)).toMatchObject([{ topics: [topic('08')], removed: false }]);
    expect(await changes(id)).toEqual([]);
  });

  it('logs: a range that ends before it begins is refused at once', async () => {
    expect((await rpc.call('eth_newFilter', { fromBlock: '0x2', toBlock: '0x1' })).error).toMatchObject({
      code: -32602,
      message: expect.stringContaining('invalid block range params'),
    });
  });

  it('logs: eth_getFilterLogs gives the whole range again', async () => {
    await sealLog(topic('07'));
    const id = await rpc.result('eth_newFilter', { fromBlock: '0x0' });
    expect(await rpc.result('eth_getFilterLogs', id)).toHaveLength(1);
    expect(await rpc.result('eth_getFilterLogs', id)).toHaveLength(1);
    const blocks = await rpc.result('eth_newBlockFilter');
    expect((await rpc.call('eth_getFilterLogs', blocks)).error?.message).toBe('filter not found');
  });

  it('logs: those that were handed out and undone come once more as removed, then the new ones', async () => {
    const id = await rpc.result('eth_newFilter', {});
    await sealLog(topic('07'));
    expect(await changes(id)).toHaveLength(1);
    await sealLog(topic('08'));
    rpc.chain.rollback(0);
    await sealLog(topic('09'));
    expect(await changes(id)).toMatchObject([
      { topics: [topic('07')], removed: true },
      { topics: [topic('09')], removed: false },
    ]);
    expect(await changes(id)).toEqual([]);
  });

  it('logs: what replaces undone blocks is told, whether or not those had transactions', async () => {
    const id = await rpc.result('eth_newFilter', {});
    for (let block = 0; block < 3; block++) rpc.chain.seal();
    expect(await changes(id)).toEqual([]);
    rpc.chain.rollback(0);
    await sealLog(topic('07'));
    expect(await changes(id)).toMatchObject([{ blockNumber: '0x1', topics: [topic('07')], removed: false }]);
    rpc.chain.seal();
    await sealLog(topic('08'));
    expect(await changes(id)).toHaveLength(1);
    rpc.chain.rollback(1);
    await sealLog(topic('09'));
    expect(await changes(id)).toMatchObject([
      { blockNumber: '0x3', topics: [topic('08')], removed: true },
      { blockNumber: '0x2', topics: [topic('09')], removed: false },
    ]);
  });

  it('logs: a rollback while they are read makes none come twice, or be removed that never came', async () => {
    const id = await rpc.result('eth_newFilter', {});
    await sealLog(topic('07'));
    await sendLog(topic('08'));
    rpc.chain.onRead = () => {
      rpc.chain.onRead = () => {};
      rpc.chain.rollback(0);
      rpc.chain.seal();
    };
    const both = JSON.stringify(
      [1, 2].map((request) => ({ ...{ jsonrpc: '2.0', id: request }, method: 'eth_getFilterChanges', params: [id] })),
    );
    const answers = (await (await rpc.post(both)).json()) as { result: object[] }[];
    expect(answers.map(({ result }) => result)).toMatchObject([[{ topics: [topic('08')], removed: false }], []]);
    expect(await changes(id)).toEqual([]);
  });

  it('logs: more than one answer may have come with the next polls, and only those that came are undone', async () => {
    const id = await rpc.result('eth_newFilter', {});
    for (const byte of ['01', '02', '03']) await sendLog(topic(byte));
    rpc.chain.seal();
    const topicsOf = async () => (await changes(id)).map(({ topics, removed }: never) => [topics[0], removed]);
    expect(await topicsOf()).toEqual([
      [topic('01'), false],
      [topic('02'), false],
    ]);
    rpc.chain.rollback(0);
    expect(await topicsOf()).toEqual([
      [topic('02'), true],
      [topic('01'), true],
    ]);
    for (const byte of ['04', '05', '06']) await sendLog(topic(byte));
    rpc.chain.seal();
    expect(await topicsOf()).toHaveLength(2);
    expect(await topicsOf()).toEqual([[topic('06'), false]]);
    expect(await topicsOf()).toEqual([]);
  });

  it('knows no filter that was removed or never installed', async () => {
    const id = await rpc.result('eth_newBlockFilter');
    expect(await rpc.result('eth_uninstallFilter', id)).toBe(true);
    expect(await rpc.result('eth_uninstallFilter', id)).toBe(false);
    for (const unknown of [id, '0x1']) {
      expect((await rpc.call('eth_getFilterChanges', unknown)).error).toEqual({ code: -32000, message: 'filter not found' });
    }
    expect((await rpc.call('eth_getFilterChanges', 7)).error?.code).toBe(-32602);
  });

  it('removes a filter whose owner fell too far behind', async () => {
    const id = await rpc.result('eth_newBlockFilter');
    for (let block = 0; block < 4; block++) rpc.chain.seal();
    expect((await rpc.call('eth_getFilterChanges', id)).error?.message).toBe('filter not found');
  });

  it('is bounded in number, and makes room when filters have expired', async () => {
    await rpc.result('eth_newBlockFilter');
    const id = await rpc.result('eth_newBlockFilter');
    expect((await rpc.call('eth_newFilter', {})).error?.code).toBe(-32005);
    vi.spyOn(performance, 'now').mockReturnValue(performance.now() + 60_001);
    expect((await rpc.call('eth_getFilterChanges', id)).error?.message).toBe('filter not found');
    expect(await rpc.result('eth_newFilter', {})).toMatch(/^0x/);
  });
});
