import fc from 'fast-check';
import { expect, test } from 'vitest';

import type { Receipt } from '../../src/protocol/receipt.ts';
import { encodeReceipt } from '../../src/protocol/receipt.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { type Bytes, bytesToBigInt, fromHex, toHex } from '../../src/util/bytes.ts';
import { addressOf, createEngine, SENDER, transactionWith } from '../support/execution-harness.ts';
import { runs } from '../support/property-runs.ts';
import { CALL_TRACER, PRESTATE_TRACER, STRUCT_LOGGER, type Trace, TraceScene } from '../support/trace-harness.ts';
import { programs } from '../support/trace-programs.ts';

const CONTRACTS = [0x41, 0x42, 0x43].map(addressOf);
const DELEGATED = addressOf(0x44);
/** Contracts, an account that delegates to one, plain accounts, and precompiles that are fast. */
const TARGETS: readonly bigint[] = [...CONTRACTS, DELEGATED, SENDER, addressOf(0x99)]
  .map(bytesToBigInt)
  .concat([1n, 2n, 4n, 5n, 6n, 9n]);

const ALL = {
  name: 'muxTracer',
  tracers: [STRUCT_LOGGER, { ...CALL_TRACER, withLog: true }, { ...PRESTATE_TRACER, diffMode: true }],
} as const;

const scene = fc.record({
  codes: fc.tuple(programs(TARGETS), programs(TARGETS), programs(TARGETS)),
  transactions: fc.array(
    fc.record({
      to: fc.option(fc.constantFrom(...CONTRACTS, DELEGATED), { nil: undefined, freq: 5 }),
      init: programs(TARGETS),
      gasLimit: fc.constantFrom(120_000n, 200_000n, 2_000_000n),
      value: fc.constantFrom(0n, 0n, 5n),
    }),
    { minLength: 1, maxLength: 3 },
  ),
});

test('what is traced is what was executed', { timeout: 60_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(scene, async ({ codes, transactions }) => {
      const traced = new TraceScene([
        ...codes.map((code, i) => ({ address: CONTRACTS[i] as Bytes, nonce: 1n, balance: 3n, code })),
        { address: DELEGATED, nonce: 1n, balance: 1n, code: Uint8Array.from([0xef, 0x01, 0x00, ...(CONTRACTS[0] as Bytes)]) },
      ]);
      const block = transactions.map(({ to, init, gasLimit, value }, index) => {
        const fields: Partial<Transaction> = {
          to,
          gasLimit,
          value,
          nonce: BigInt(index),
          ...(to === undefined && { data: init }),
        };
        return { transaction: transactionWith(fields), sender: SENDER };
      });
      const { receipts, gasUsed } = await traced.receipts(block);
      const traces = await traced.block(block, ALL);
      for (const [i, receipt] of receipts.entries()) {
        expectSame(traces[i], { receipt, gasUsed: gasUsed[i] as bigint });
      }
      await expectSameChanges(traced, block, traces);
    }),
    runs(150),
  );
});

function expectSame({ structLogger, callTracer }: Trace, { receipt, gasUsed }: { receipt: Receipt; gasUsed: bigint }): void {
  expect({ gas: structLogger.gas, failed: structLogger.failed }).toEqual({ gas: Number(gasUsed), failed: receipt.status === 0 });
  expect(BigInt(callTracer.gasUsed)).toBe(gasUsed);
  expect(callTracer.error === undefined).toBe(receipt.status === 1);
  const logs = logsOf(callTracer).sort((a, b) => Number(a.index) - Number(b.index));
  const asReceipt: Receipt = {
    ...receipt,
    logs: logs.map(({ address, topics, data }) => ({
      address: fromHex(address),
      topics: topics.map((topic: `0x${string}`) => fromHex(topic)),
      data: fromHex(data),
    })),
  };
  expect(toHex(encodeReceipt(asReceipt))).toBe(toHex(encodeReceipt(receipt)));
  expectSteps(structLogger.structLogs);
}

// biome-ignore lint/suspicious/noExplicitAny: a trace is JSON
function logsOf(frame: Trace): any[] {
  return [...(frame.logs ?? []), ...(frame.calls ?? []).flatMap(logsOf)];
}

/** Gas goes down by what each step costs, as long as nothing else comes between. */
function expectSteps(steps: Trace[]): void {
  for (const [i, step] of steps.entries()) {
    const next = steps[i + 1];
    const isPlain = !/^(CREATE2?|(DELEGATE|STATIC)?CALL|CALLCODE)$/.test(step.op);
    if (next === undefined || !isPlain || next.depth !== step.depth) continue;
    expect({ ...step, next: next.gas }).toMatchObject({ next: step.gas - step.gasCost });
  }
}

/** Applies each transaction's `post` to the state before, and compares it with the state after. */
async function expectSameChanges(traced: TraceScene, block: Parameters<TraceScene['block']>[0], traces: Trace[]): Promise<void> {
  const { engine, world } = createEngine(traced.state);
  await engine.beginBlock(traced.env);
  world.takeDiff();
  for (const [i, signed] of block.entries()) {
    await engine.execute(signed);
    const { pre, post } = traces[i].prestateTracer;
    for (const { address, deleted, ...changed } of world.takeDiff().accounts) {
      const key = toHex(address);
      if (deleted === true) continue;
      const { balance, nonce, codeHash, storage } = post[key] ?? {};
      const slots = { ...zeroed(pre[key]?.storage), ...storage };
      expect({ key, balance, nonce, codeHash, slots }).toEqual({
        key,
        balance: changed.balance === undefined ? undefined : `0x${changed.balance.toString(16)}`,
        nonce: changed.nonce === undefined ? undefined : Number(changed.nonce),
        codeHash: changed.codeHash === undefined ? undefined : toHex(changed.codeHash),
        slots: Object.fromEntries((changed.slots ?? []).map(({ key: slot, value }) => [toHex(slot), toHex(value)])),
      });
    }
  }
}

/** What was there before and is not afterwards has become zero. */
function zeroed(storage: Record<string, string> = {}): Record<string, string> {
  return Object.fromEntries(Object.keys(storage).map((key) => [key, `0x${'00'.repeat(32)}`]));
}
