import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Hex, toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { LOGGER } from '../../support/fake-contracts.ts';
import { RpcHarness, type RpcSocket, signTransfer } from '../../support/rpc-harness.ts';

const topic = (byte: string): Hex => `0x${byte.repeat(32)}`;

let rpc: RpcHarness;
let client: RpcSocket;
beforeEach(async () => {
  rpc = await new RpcHarness().start();
  client = await rpc.connect();
});
afterEach(() => rpc.stop());

/** A mini-block with this many logs, one transaction each. */
let nonce = 0;
async function mineLogs(count: number): Promise<void> {
  for (let at = 0; at < count; at++)
    await rpc.result('eth_sendRawTransaction', await signTransfer({ nonce: nonce++, to: toHex(LOGGER), data: topic('0a') }));
  rpc.chain.mine();
}
beforeEach(() => {
  nonce = 0;
});

/** The cursor behind a mini-block, as it is pushed. */
function cursorAt(number: number): { epoch: Hex; number: Hex; digest: Hex } {
  const { envelope, digest } = defined(rpc.chain.miniBlocks[number - 1]).miniBlock;
  return { epoch: `0x${envelope.epoch.toString(16)}`, number: `0x${number.toString(16)}`, digest: toHex(digest) };
}

/** Cursors beside the pushes of a subscription; null where there is none. */
const cursors = (id: string): unknown[] =>
  client.messages.filter(({ params }) => params?.subscription === id).map(({ params }) => params.cursor ?? null);

async function refusal(...params: unknown[]): Promise<unknown> {
  return (await client.call('eth_subscribe', ...params)).error;
}

describe('resumeFrom', () => {
  it('pushes what came behind the cursor, then what comes, in one sequence', async () => {
    for (let at = 0; at < 40; at++) rpc.chain.mine();
    rpc.chain.seal();
    rpc.chain.mine();
    const id = await client.subscribe('miniBlocks', { hashesOnly: true, resumeFrom: 3 });
    rpc.chain.mine();
    const pushed = await client.nextPushes(id, 39);
    expect(pushed.map(({ mini_block_number }) => mini_block_number)).toEqual(Array.from({ length: 39 }, (_, at) => at + 4));
    expect(cursors(id)[0]).toEqual(cursorAt(4));
    expect(cursors(id).at(-1)).toEqual(cursorAt(42));
  });

  it.each([
    ['a number', () => 2],
    ['a quantity', () => '0x2'],
    ['a whole cursor', () => cursorAt(2)],
    ['a whole cursor with plain numbers', () => ({ epoch: 1, number: 2, digest: cursorAt(2).digest })],
  ])('takes %s', async (_, cursor) => {
    for (let at = 0; at < 3; at++) rpc.chain.mine();
    const id = await client.subscribe('newFlashblocks', { resumeFrom: cursor() });
    rpc.chain.mine();
    expect(await client.nextPushes(id, 2)).toHaveLength(2);
    expect(cursors(id)).toEqual([cursorAt(3), cursorAt(4)]);
  });

  it('puts the cursor beside the last message of a mini-block', async () => {
    const [all, one] = [
      await client.subscribe('pendingLogs', { resumeFrom: 0 }),
      await client.subscribe('newFlashblockTransactions', { address: toHex(LOGGER) }, { cursors: true }),
    ];
    await mineLogs(3);
    await mineLogs(1);
    await client.nextPushes(all, 4);
    await client.nextPushes(one, 4);
    for (const id of [all, one]) expect(cursors(id)).toEqual([null, null, cursorAt(1), cursorAt(2)]);
    rpc.chain.rollback(0);
    // What they know is undone: logs one by one, and then for every dialect by a null with the cursor that is left.
    const told = (await client.nextPushes(all, 9)).map((result) => result?.removed ?? result);
    expect(told).toEqual([false, false, false, false, true, true, true, true, null]);
    expect((await client.nextPushes(one, 5)).at(-1)).toBeNull();
    const genesis = { epoch: '0x0', number: '0x0', digest: toHex(rpc.chain.backend.chain.genesisHash) };
    expect([cursors(all).at(-1), cursors(one).at(-1)]).toEqual([genesis, genesis]);
  });

  it('says nothing of cursors to who did not ask', async () => {
    const id = await client.subscribe('miniBlocks');
    rpc.chain.mine();
    rpc.chain.rollback(0);
    rpc.chain.mine();
    expect(await client.nextPushes(id, 2)).toHaveLength(2);
    expect(cursors(id)).toEqual([null, null]);
  });

  it('replays every dialect as it was pushed', async () => {
    const requests: unknown[][] = [
      ['miniBlocks'],
      ['shreds'],
      ['shreds', true],
      ['stateChanges', [toHex(LOGGER)]],
      ['newFlashblocks'],
      ['newFlashblockTransactions'],
      ['newFlashblockTransactions', true],
      ['newFlashblockTransactions', { topics: [topic('0a')] }],
      ['pendingLogs'],
      ['logs', { toBlock: 'pending' }],
    ];
    const live: string[] = [];
    for (const params of requests) live.push(await client.subscribe(...params));
    await mineLogs(2);
    await mineLogs(1);
    rpc.chain.mine();
    for (const [at, params] of requests.entries()) {
      const options = params.length === 1 ? [null, { resumeFrom: 0 }] : [...params.slice(1), { resumeFrom: 0 }];
      const id = await client.subscribe(params[0], ...(params[0] === 'miniBlocks' ? [{ resumeFrom: 0 }] : options));
      const count = client.pushes(defined(live[at])).length;
      expect(count).toBeGreaterThan(0);
      expect(await client.nextPushes(id, count), JSON.stringify(params)).toEqual(client.pushes(defined(live[at])));
    }
  });

  it('names the fork point of a cursor that was undone', async () => {
    rpc.chain.seal();
    rpc.chain.mine();
    rpc.chain.mine();
    const undone = cursorAt(3);
    rpc.chain.rollback(1);
    const orphaned = {
      code: -32010,
      message: 'mini-block 3 was undone: what follows mini-block 1 is another chain now',
      data: '0x1',
    };
    expect(await refusal('miniBlocks', { resumeFrom: undone })).toEqual(orphaned);
    for (let at = 0; at < 4; at++) rpc.chain.mine();
    expect(await refusal('miniBlocks', { resumeFrom: undone })).toEqual(orphaned);
    // A node that never saw it finds where its epoch was cut off.
    const other = { ...undone, digest: topic('ee') };
    expect(await refusal('miniBlocks', { resumeFrom: other })).toEqual(orphaned);
    expect(await refusal('miniBlocks', { resumeFrom: { ...other, number: 99 } })).toMatchObject({ code: -32010, data: '0x1' });
    // Of one in the present epoch nothing is known but what is safe.
    expect(await refusal('miniBlocks', { resumeFrom: { ...cursorAt(4), digest: topic('ee') } })).toMatchObject({ data: '0x0' });
    expect(await client.subscribe('miniBlocks', { resumeFrom: 1 })).toMatch(/^0x/);
  });

  it('says what is the oldest to resume from, and what is not here yet', async () => {
    for (let at = 0; at < 10; at++) rpc.chain.mine();
    const late = await new RpcHarness({ limits: { maxResumeMiniBlocks: 4 } }).start();
    try {
      for (let at = 0; at < 10; at++) late.chain.mine();
      const other = await late.connect();
      const tooOld = { code: -32011, data: '0x6', message: 'mini-block 5 is too old to resume from: the oldest is 6' };
      expect((await other.call('eth_subscribe', 'miniBlocks', { resumeFrom: 5 })).error).toEqual(tooOld);
      const id = await other.subscribe('miniBlocks', { resumeFrom: 6 });
      expect(await other.nextPushes(id, 4)).toHaveLength(4);
    } finally {
      await late.stop();
    }
    expect(await refusal('miniBlocks', { resumeFrom: 11 })).toEqual({
      code: -32012,
      message: 'mini-block 11 is not here yet: the newest is 10',
      data: '0xa',
    });
  });

  it('goes as fast as its reader, with a queue that stays short', async () => {
    const limited = await new RpcHarness({ limits: { maxSubscriberQueueBytes: 2 * 1024 * 1024 } }).start();
    try {
      for (let at = 0; at < 300; at++) limited.chain.mine();
      const reader = await limited.connect();
      reader.socket.pause();
      const params = ['newFlashblocks', { resumeFrom: 0 }];
      // 12 MB in all: at once they would be far above the bound.
      const request = JSON.stringify({ jsonrpc: '2.0', id: 'resumed', method: 'eth_subscribe', params });
      for (let at = 0; at < 24; at++) reader.socket.send(request);
      await limited.result('eth_chainId');
      reader.socket.resume();
      await reader.until(() => (reader.messages.length >= 24 * 301 ? true : undefined));
      expect(await limited.metric('rpc_slow_readers_dropped_total')).toBe(0);
    } finally {
      await limited.stop();
    }
  });
});
