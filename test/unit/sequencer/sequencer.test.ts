import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { heartbeatDigest } from '../../../src/protocol/sequencer-messages.ts';
import { Sequencer } from '../../../src/sequencer/sequencer.ts';
import { toKey } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { defined } from '../../support/defined.ts';
import { createSequencerKit, type SequencerKit, type SequencerKitOptions } from '../../support/sequencer-kit.ts';

/** 1.8 s after a block boundary of one second each. */
const START_MS = 1_800_000_000_200;
const clock = { nowMs: () => Date.now(), elapsedMs: () => performance.now() };
/** Tests run on fake timers. */
const realSetImmediate = setImmediate;
let kit: SequencerKit;
let sequencer: Sequencer;
let running: Promise<void>;

async function start(options: Partial<SequencerKitOptions> = {}): Promise<void> {
  kit = await createSequencerKit({ clock, ...options });
  sequencer = new Sequencer({ ...kit.options, epoch: 1 }, kit.modules);
  running = sequencer.run();
  running.catch(() => {});
}

/** Lets `ms` of the fake clock pass. */
const pass = (ms: number): Promise<unknown> => vi.advanceTimersByTimeAsync(ms);
const envelopes = () => kit.messages('miniBlock').map(({ miniBlock }) => miniBlock.envelope);
const blockNumber = (): number => kit.chain.head().header.number;

function send(i: number, fields: Parameters<SequencerKit['pool']>[1] = {}) {
  const transaction = kit.pool(i, fields);
  sequencer.wake();
  return transaction;
}

beforeEach(() => {
  vi.useFakeTimers({ now: START_MS });
});

afterEach(async () => {
  sequencer.stop();
  await pass(200);
  await running.catch(() => {});
  vi.useRealTimers();
});

describe('without transactions', () => {
  test('a block opens at the idle beat, ends at its boundary, and the next beat is counted from there', async () => {
    await start();
    await pass(4_900);
    expect(envelopes()).toEqual([]);
    await pass(200);
    expect(envelopes()).toMatchObject([{ number: 1, index: 0, blockNumber: 1 }]);
    expect(blockNumber()).toBe(0);
    await pass(1_000);
    expect(blockNumber()).toBe(1);
    await pass(4_900);
    expect(blockNumber()).toBe(1);
    await pass(1_200);
    expect(blockNumber()).toBe(2);
    expect(envelopes()).toHaveLength(2);
  });

  test('signed heartbeats say that it lives, and none is needed while mini-blocks do', async () => {
    await start();
    await pass(1_050);
    const heartbeats = kit.messages('heartbeat').map(({ heartbeat }) => heartbeat);
    expect(heartbeats).toHaveLength(10);
    const last = defined(heartbeats.at(-1));
    expect(last).toMatchObject({ epoch: 1, number: 0, digest: kit.options.identity.genesisHash });
    expect(recoverAddress(heartbeatDigest(last), last.signature)).toEqual(kit.modules.signer.address);
    const times = heartbeats.map(({ timestampUs }) => timestampUs);
    expect(times).toEqual([...times].sort((a, b) => a - b));
    for (let i = 0; i < 40; i++) {
      send(0);
      await pass(50);
    }
    // One in five beats while there is news all the time.
    expect(kit.messages('heartbeat').length - heartbeats.length).toBeLessThanOrEqual(6);
  });
});

test('heartbeats go on, each later than the one before, when the clock is set back by seconds', async () => {
  let offsetMs = 0;
  await start({ clock: { nowMs: () => Date.now() + offsetMs }, elapsed: { nowMs: () => performance.now() } });
  await pass(550);
  const before = kit.messages('heartbeat').length;
  offsetMs = -3_000;
  await pass(1_000);
  const times = kit.messages('heartbeat').map(({ heartbeat }) => heartbeat.timestampUs);
  expect(times).toHaveLength(before + 10);
  expect(times.every((time, at) => time > (times[at - 1] ?? 0))).toBe(true);
  // Replicas would ignore what lies further ahead of their clocks.
  offsetMs = -60_000;
  await pass(100);
  expect(defined(kit.messages('heartbeat').at(-1)).heartbeat.timestampUs).toBeLessThanOrEqual((Date.now() + offsetMs) * 1_000);
});

describe('with transactions', () => {
  test('the first one opens a block at once, later ones join the next mini-block', async () => {
    await start();
    await pass(100);
    send(0);
    await pass(2);
    expect(envelopes()).toMatchObject([{ number: 1, index: 0, timestampUs: (START_MS + 100) * 1000 }]);
    send(1);
    send(0);
    await pass(5);
    expect(envelopes()).toHaveLength(1);
    await pass(5);
    expect(envelopes()).toMatchObject([{ index: 0 }, { number: 2, index: 1 }]);
    expect(kit.samples.map(({ transactions }) => transactions)).toEqual([1, 2]);
  });

  test('no empty mini-blocks follow while nothing comes', async () => {
    await start();
    send(0);
    await pass(700);
    expect(envelopes()).toHaveLength(1);
  });

  test('a block ends at its boundary, and the next one opens with the next transaction', async () => {
    await start();
    send(0);
    await pass(750);
    expect(blockNumber()).toBe(0);
    await pass(100);
    expect(blockNumber()).toBe(1);
    expect(kit.chain.seals[0]).toMatchObject({ firstNumber: 1, lastNumber: 1, epoch: 1 });
    await pass(200);
    expect(envelopes()).toHaveLength(1);
    send(0);
    await pass(20);
    expect(envelopes()).toMatchObject([
      { blockNumber: 1 },
      { blockNumber: 2, index: 0, env: { parentHash: kit.chain.head().hash } },
    ]);
  });

  test('a block is not sealed before its last mini-block is durable', async () => {
    await start();
    send(0);
    await pass(700);
    const gate = Promise.withResolvers<void>();
    kit.log.gate = gate.promise;
    send(1);
    await pass(400);
    expect(kit.events.filter((event) => event.includes('blockSeal'))).toEqual([]);
    gate.resolve();
    await pass(50);
    expect(kit.chain.seals[0]).toMatchObject({ firstNumber: 1, lastNumber: 2 });
    expect(kit.events.indexOf('log.append blockSeal')).toBeGreaterThan(kit.events.lastIndexOf('log.synced miniBlock'));
  });

  test('the next block is executed while the seal becomes durable, and committed behind it', async () => {
    await start();
    send(0);
    await pass(700);
    const gate = Promise.withResolvers<void>();
    kit.log.gate = gate.promise;
    const logged = () => kit.events.filter((event) => event.startsWith('log.'));
    await pass(150);
    send(1);
    await pass(50);
    expect(kit.engine.blocks).toMatchObject([{ number: 1 }, { number: 2 }]);
    expect(kit.mempool.readyCount).toBe(0);
    expect(logged()).toEqual(['log.append miniBlock', 'log.synced miniBlock', 'log.append blockSeal']);
    expect(blockNumber()).toBe(0);
    gate.resolve();
    await pass(50);
    expect(logged().slice(3)).toEqual(['log.synced blockSeal', 'log.append miniBlock', 'log.synced miniBlock']);
    expect(kit.engine.blocks[1]?.parentHash).toEqual(kit.chain.head().hash);
    expect(envelopes().at(-1)).toMatchObject({ blockNumber: 2, index: 0 });
  });

  test('everything is committed in order under load, whatever the log takes', async () => {
    await start();
    const sent = [];
    for (let i = 0; i < 300; i++) {
      sent.push(send(i % 6));
      if (i % 3 === 0) await pass(7);
    }
    await pass(50);
    const included = kit.chain.miniBlocks.flatMap(({ decoded }) => decoded ?? []);
    expect(included.map(({ hash }) => toKey(hash))).toEqual(sent.map(({ hash }) => toKey(hash)));
    const numbers = envelopes().map(({ number }) => number);
    expect(numbers).toEqual(numbers.map((_, i) => i + 1));
  });
});

test('a wall clock that is set back stops nothing: times go on from the newest one', async () => {
  await start({ elapsed: { nowMs: () => performance.now() } });
  send(0);
  await pass(20);
  vi.setSystemTime(Date.now() - 3_600_000);
  send(1);
  await pass(20);
  const [first, second] = envelopes().map(({ timestampUs }) => timestampUs);
  expect(second).toBe(defined(first) + 1);
  await pass(1_000);
  expect(blockNumber()).toBe(1);
  send(0);
  await pass(20);
  const [before, after] = kit.engine.blocks.map(({ timestamp }) => timestamp);
  expect(after).toBe(defined(before) + 1);
});

test('after a small step back of the clock the time of blocks is soon that of the clock again', async () => {
  let offsetMs = 0;
  const wall = { nowMs: () => Date.now() + offsetMs };
  await start({ clock: wall, elapsed: { nowMs: () => performance.now() } });
  const aheadSeconds: number[] = [];
  for (let i = 0; i < 160; i++) {
    const opened = kit.engine.blocks.length;
    send(0);
    await pass(50);
    const block = kit.engine.blocks.at(-1);
    if (kit.engine.blocks.length > opened) aheadSeconds.push(defined(block).timestamp - Math.floor(wall.nowMs() / 1000));
    if (i === 40) offsetMs = -300;
  }
  expect(Math.max(...aheadSeconds)).toBe(1);
  expect(aheadSeconds.slice(-3)).toEqual([0, 0, 0]);
});

test('a pause while a block opens does not end it before its second is over', async () => {
  let [pausesMs, pausedMs] = [0, 0];
  const wall = {
    nowMs: () => {
      pausedMs = pausesMs;
      return Date.now() + pausedMs;
    },
  };
  await start({ clock: wall, elapsed: { nowMs: () => performance.now() + pausedMs } });
  send(0);
  pausesMs = 20;
  // 2 ms before the end of the second.
  await pass(778);
  expect(blockNumber()).toBe(0);
  await pass(10);
  expect(blockNumber()).toBe(1);
});

describe('a full block', () => {
  test('takes no more, waits for its end and goes on in the next one', async () => {
    await start({ gasLimit: 17_000_000n });
    const heavy = { gasUsed: 16_000_000n };
    const first = send(0, heavy);
    const second = send(1, heavy);
    const engineOutcome = (hash: Uint8Array) =>
      kit.engine.outcomes.set(toKey(hash), {
        kind: 'included',
        gasUsed: 16_000_000n,
        receipt: { type: 2, status: 1, cumulativeGasUsed: 0n, logs: [] },
      });
    for (const { hash } of [first, second]) engineOutcome(hash);
    await pass(700);
    expect(kit.mempool.get(first.hash)).toBeUndefined();
    expect(kit.mempool.get(second.hash)).toBeDefined();
    expect(envelopes()).toHaveLength(1);
    await pass(200);
    expect(blockNumber()).toBe(1);
    await pass(20);
    expect(kit.mempool.get(second.hash)).toBeUndefined();
    expect(envelopes().at(-1)).toMatchObject({ blockNumber: 2, index: 0 });
  });

  test('is not one where a transaction was dropped, or time ran out: the others go on at once', async () => {
    await start();
    send(2);
    await pass(30);
    const slow = send(0);
    kit.engine.outcomes.set(toKey(slow.hash), { kind: 'rejected', code: 'EXECUTION_TIMEOUT', message: 'too slow' });
    kit.engine.onExecute = ({ hash }) => {
      // The slow one takes longer than the whole interval.
      if (toKey(hash) === toKey(slow.hash)) vi.setSystemTime(Date.now() + 50);
    };
    send(1);
    await pass(30);
    expect(kit.rejected).toEqual(['EXECUTION_TIMEOUT']);
    expect(kit.mempool.size).toBe(0);
  });
});

describe('stopping', () => {
  test('ends the loop after what is under way and keeps the open block', async () => {
    await start();
    send(0);
    await pass(20);
    const gate = Promise.withResolvers<void>();
    kit.log.gate = gate.promise;
    send(1);
    await pass(20);
    sequencer.stop();
    await pass(20);
    gate.resolve();
    await pass(200);
    await running;
    expect(kit.modules.chainState.openBlock()).toMatchObject({ firstNumber: 1, nextIndex: 2 });
    expect(kit.log.lastNumber()).toBe(2);
    expect(blockNumber()).toBe(0);
    const events = kit.events.length;
    await pass(10_000);
    expect(kit.events).toHaveLength(events);
  });

  test('an open block of before is sealed first, in the epoch of now', async () => {
    await start();
    send(0);
    await pass(20);
    sequencer.stop();
    await pass(200);
    await running;
    sequencer = new Sequencer({ ...kit.options, epoch: 2 }, kit.modules);
    running = sequencer.run();
    send(1);
    await pass(20);
    expect(blockNumber()).toBe(1);
    expect(kit.chain.seals[0]).toMatchObject({ epoch: 2, firstNumber: 1, lastNumber: 1 });
    expect(envelopes().at(-1)).toMatchObject({ epoch: 2, blockNumber: 2 });
  });
});

describe('a failure ends the loop with an error', () => {
  test('of the log, also when nothing comes afterwards', async () => {
    await start();
    kit.log.failure = new StrobeError('LOG_FAILED', 'the disk is full');
    send(0);
    await pass(50);
    await expect(running).rejects.toMatchObject({ code: 'LOG_FAILED' });
    expect(kit.gossiped).toEqual([]);
    expect(kit.chain.miniBlocks).toEqual([]);
  });

  test('of the log while a block is sealed', async () => {
    await start();
    send(0);
    await pass(50);
    kit.log.failure = new StrobeError('LOG_FAILED', 'the disk is full');
    await pass(1_000);
    await expect(running).rejects.toMatchObject({ code: 'LOG_FAILED' });
    expect(blockNumber()).toBe(0);
  });

  test('of the database, also when the next block is on its way there already', async () => {
    await start();
    const [first, second] = [Promise.withResolvers<never>(), Promise.withResolvers<never>()];
    const writes = [first, second];
    const sealBlock = kit.chain.sealBlock.bind(kit.chain);
    vi.spyOn(kit.chain, 'sealBlock').mockImplementation(async (seal) => {
      await Promise.all([sealBlock(seal), writes.shift()?.promise]);
      throw new TypeError('never stored');
    });
    const unhandled = vi.fn();
    process.once('unhandledRejection', unhandled);
    send(0);
    await pass(1_000);
    send(0);
    await pass(1_500);
    expect(blockNumber()).toBe(2);
    first.reject(new StrobeError('CHAIN_STORE_FAILED', 'the disk is full'));
    await expect(running).rejects.toMatchObject({ code: 'CHAIN_STORE_FAILED', message: 'the disk is full' });
    second.reject(new StrobeError('CHAIN_STORE_FAILED', 'failed before'));
    // Node tells of it at the end of the turn.
    await new Promise((resolve) => realSetImmediate(resolve));
    process.off('unhandledRejection', unhandled);
    expect(unhandled).not.toHaveBeenCalled();
  });

  test('of the engine', async () => {
    await start();
    kit.engine.onExecute = () => {
      throw new TypeError('a bug');
    };
    send(0);
    await pass(50);
    await expect(running).rejects.toThrow('a bug');
  });
});

test('while provers are too far behind the gas budget is a tenth', async () => {
  await start();
  kit.chain.safe = -3_600;
  const budget = 300;
  for (let i = 0; i < budget; i++) {
    const { hash } = send(i % 6);
    kit.engine.outcomes.set(toKey(hash), {
      kind: 'included',
      gasUsed: 1_000_000n,
      receipt: { type: 2, status: 1, cumulativeGasUsed: 0n, logs: [] },
    });
  }
  await pass(5);
  expect(kit.samples).toMatchObject([{ number: 1, transactions: 6 }]);
});
