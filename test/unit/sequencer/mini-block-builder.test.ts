import { beforeEach, describe, expect, test } from 'vitest';
import { MAX_BATCH_BYTES } from '../../../src/da/batch.ts';
import {
  BLOCK_RECORD_BYTES,
  BLOCK_WITNESS_BYTES,
  GAS_PER_DIFF_BYTE,
  MAX_BODY_PAYLOAD_BYTES,
  MAX_DIFF_PAYLOAD_BYTES,
  MAX_MINI_BLOCK_TRANSACTIONS,
  MAX_TRANSACTION_GAS,
  MAX_WITNESS_CHUNKS,
  MINI_BLOCK_BODY_BYTES,
  MINI_BLOCK_GAS,
  WITNESS_BYTES_PER_GAS,
  WITNESS_CHUNK_BYTES,
} from '../../../src/protocol/limits.ts';
import type { ExecutionOutcome } from '../../../src/protocol/ports/execution.ts';
import type { Transaction } from '../../../src/protocol/transaction.ts';
import { openEnvironment } from '../../../src/sequencer/block-environment.ts';
import { type BuildLimits, type ExecutedBatch, gasBudget, MiniBlockBuilder } from '../../../src/sequencer/mini-block-builder.ts';
import { toKey } from '../../../src/util/bytes.ts';
import { createSequencerKit, type SequencerKit } from '../../support/sequencer-kit.ts';

const clock = { now: 0, nowMs: () => clock.now };
let kit: SequencerKit;
let builder: MiniBlockBuilder;
let refused: [Transaction, string][];
let witness: { witnessBytes: number };

beforeEach(async () => {
  clock.now = 1_800_000_000_000;
  kit = await createSequencerKit({ clock, gasLimit: 1_000_000n });
  refused = [];
  witness = { witnessBytes: 0 };
  builder = new MiniBlockBuilder({
    engine: kit.engine,
    world: witness,
    mempool: kit.mempool,
    nowMs: clock.nowMs,
    onRejected: ({ transaction }, code) => refused.push([transaction, code]),
  });
});

async function build(limits: Partial<BuildLimits> = {}): Promise<ExecutedBatch> {
  const env = openEnvironment(kit.chain.head(), kit.options.genesis, clock.now);
  const defaults = {
    executeUntilMs: clock.now + 7,
    isWaiting: () => false,
    blockGasUsed: 0n,
    blockRecordBytes: 0,
    gasBudget: MINI_BLOCK_GAS,
  };
  return builder.build(env, { ...defaults, ...limits });
}

function script(transaction: Transaction, outcome: ExecutionOutcome): Transaction {
  kit.engine.outcomes.set(toKey(transaction.hash), outcome);
  return transaction;
}

test('takes what is ready, in order, with its senders and receipts', async () => {
  const transactions = [kit.pool(0), kit.pool(1), kit.pool(0)];
  const batch = await build();
  expect(batch.decoded).toEqual(transactions);
  expect(batch.transactions.map(({ raw }) => raw)).toEqual(transactions.map(({ raw }) => raw));
  expect(batch.transactions.map(({ sender }) => sender)).toEqual([0, 1, 0].map((i) => kit.builder.accounts[i]?.address));
  expect(batch.receipts.map(({ cumulativeGasUsed }) => cumulativeGasUsed)).toEqual([21_000n, 42_000n, 63_000n]);
  expect(batch.gasUsed).toBe(63_000n);
  expect(batch.blockFull).toBe(false);
  expect(kit.mempool.size).toBe(0);
});

test('is empty when nothing is ready', async () => {
  expect(await build()).toMatchObject({ transactions: [], gasUsed: 0n, blockFull: false });
});

describe('ends', () => {
  test('when its time is over, after the transaction under way', async () => {
    for (let i = 0; i < 5; i++) kit.pool(i);
    kit.engine.onExecute = () => {
      clock.now += 3;
    };
    expect((await build()).decoded).toHaveLength(3);
    expect(kit.mempool.size).toBe(2);
  });

  test('before it begins when the time is over already, and that is not a full block', async () => {
    kit.pool(0);
    expect(await build({ executeUntilMs: clock.now })).toMatchObject({ transactions: [], blockFull: false });
    expect(kit.mempool.readyCount).toBe(1);
  });

  test('later than its time while the mini-block before is not durable yet', async () => {
    for (let i = 0; i < 5; i++) kit.pool(i);
    let executed = 0;
    kit.engine.onExecute = () => {
      clock.now += 5;
      executed++;
    };
    expect((await build({ isWaiting: () => executed < 4 })).decoded).toHaveLength(4);
  });

  test('when the gas budget is used up', async () => {
    for (let i = 0; i < 5; i++) kit.pool(i);
    expect((await build({ gasBudget: 50_000n })).gasUsed).toBe(63_000n);
  });

  test('when the next transaction does not fit into the block, and keeps it', async () => {
    const [first, second] = [kit.pool(0), kit.pool(1)];
    const batch = await build({ blockGasUsed: 1_000_000n - 21_000n });
    expect(batch).toMatchObject({ decoded: [first], blockFull: true });
    expect(await build({ blockGasUsed: 1_000_000n - 20_999n })).toMatchObject({ decoded: [], blockFull: true });
    expect((await build()).decoded).toEqual([second]);
  });

  test('when the next transaction could make the witness of the block too large, and keeps it', async () => {
    const first = kit.pool(0);
    const second = kit.pool(1);
    witness.witnessBytes = BLOCK_WITNESS_BYTES - Number(first.gasLimit) * WITNESS_BYTES_PER_GAS;
    kit.engine.onExecute = () => {
      witness.witnessBytes += 3_000;
    };
    expect(await build()).toMatchObject({ decoded: [first], blockFull: true });
    witness.witnessBytes = 0;
    expect((await build()).decoded).toEqual([second]);
    // The largest one always fits into an empty block.
    expect(Number(MAX_TRANSACTION_GAS) * WITNESS_BYTES_PER_GAS).toBeLessThan(BLOCK_WITNESS_BYTES);
    expect(BLOCK_WITNESS_BYTES).toBeLessThan(MAX_WITNESS_CHUNKS * WITNESS_CHUNK_BYTES - 37_000_000);
  });

  test('when the records of the block are long enough for a batch of their own, with the diffs counted', async () => {
    const [first, second] = [kit.pool(0), kit.pool(1)];
    const added = 21_000 / GAS_PER_DIFF_BYTE + first.raw.length;
    expect(await build({ blockRecordBytes: BLOCK_RECORD_BYTES - added })).toMatchObject({ decoded: [first], blockFull: true });
    expect(await build({ blockRecordBytes: BLOCK_RECORD_BYTES })).toMatchObject({ decoded: [], blockFull: true });
    expect((await build()).decoded).toEqual([second]);
    const mostOfOne = MAX_BODY_PAYLOAD_BYTES + MAX_DIFF_PAYLOAD_BYTES;
    expect(BLOCK_RECORD_BYTES + mostOfOne).toBeLessThan(0.95 * MAX_BATCH_BYTES);
  });

  test('when its body is long enough, with the logs counted', async () => {
    const logs = [{ address: new Uint8Array(20), topics: [], data: new Uint8Array(MINI_BLOCK_BODY_BYTES / 2) }];
    for (let i = 0; i < 5; i++) {
      script(kit.pool(i), { kind: 'included', gasUsed: 21_000n, receipt: { type: 2, status: 1, cumulativeGasUsed: 0n, logs } });
    }
    expect((await build()).decoded).toHaveLength(2);
    expect(MAX_MINI_BLOCK_TRANSACTIONS).toBeGreaterThan(MINI_BLOCK_BODY_BYTES / 400);
  });
});

describe('a transaction that is not included', () => {
  test('is dropped and told of; the others go on, what is behind it waits', async () => {
    const bad = script(kit.pool(0), { kind: 'rejected', code: 'INSUFFICIENT_FUNDS', message: 'insufficient funds' });
    const behind = kit.pool(0);
    const good = kit.pool(1);
    const batch = await build();
    expect(batch.decoded).toEqual([good]);
    expect(refused).toEqual([[bad, 'INSUFFICIENT_FUNDS']]);
    expect(kit.mempool.get(bad.hash)).toBeUndefined();
    expect(kit.mempool.get(behind.hash)).toBeDefined();
    expect(kit.mempool.readyCount).toBe(0);
  });

  test('because it overran its time slows its sender down, and is no full block', async () => {
    script(kit.pool(0), { kind: 'rejected', code: 'EXECUTION_TIMEOUT', message: 'too slow' });
    kit.pool(1);
    kit.engine.onExecute = () => {
      clock.now += 2_000;
    };
    expect(await build()).toMatchObject({ decoded: [], blockFull: false });
    expect(() => kit.pool(0)).toThrow('slowed down');
    expect((await build()).decoded).toHaveLength(1);
  });
});

test('yields to reads and sends while it executes for long', async () => {
  for (let i = 0; i < 3; i++) kit.pool(0);
  const seen: number[] = [];
  const executed: number[] = [];
  kit.engine.onExecute = () => {
    executed.push(executed.length);
    clock.now += 4;
    setImmediate(() => seen.push(executed.length));
  };
  await build({ executeUntilMs: clock.now + 100 });
  // What was asked for during a transaction ran before the next one.
  expect(seen).toEqual([1, 2, 3]);
});

test('the gas budget is cut to a tenth while provers are too far behind', () => {
  expect(gasBudget(false)).toBe(MINI_BLOCK_GAS);
  expect(gasBudget(true)).toBe(MINI_BLOCK_GAS / 10n);
});
