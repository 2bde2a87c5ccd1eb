import { describe, expect, it } from 'vitest';
import { ChangeSignal } from '../../../src/bench/change-signal.ts';
import { LoadDriver } from '../../../src/bench/load-driver.ts';
import type { PlannedBatch, PresignedLoad } from '../../../src/bench/presigned-load.ts';
import type { RpcClient } from '../../../src/bench/rpc-client.ts';
import { TransactionLedger } from '../../../src/bench/transaction-ledger.ts';
import { indexHashes } from '../../../src/bench/visibility-log.ts';
import { StrobeError } from '../../../src/util/errors.ts';

const NEVER = new AbortController().signal;

/** `lanes` lanes of batches of two transactions, lane number = sender. */
function plan(lanes: number, batchesPerLane: number): PresignedLoad {
  const load: PresignedLoad = {
    hashes: [],
    senders: new Uint16Array(lanes * batchesPerLane * 2),
    lanes: [],
    batchSize: 2,
  };
  for (let lane = 0; lane < lanes; lane++) load.lanes.push([]);
  for (let order = 0; order < lanes * batchesPerLane; order++) {
    const first = order * 2;
    const batch: PlannedBatch = {
      order,
      first,
      count: 2,
      body: Buffer.from(JSON.stringify([{ id: first }, { id: first + 1 }])),
    };
    load.lanes[order % lanes]?.push(batch);
    load.hashes.push(`0x${first}`, `0x${first + 1}`);
    load.senders.fill(order % lanes, first, first + 2);
  }
  return load;
}

function drive(load: PresignedLoad, post: (ids: number[]) => Promise<string>, options = { rate: 0, maxPending: 1_000 }) {
  const changes = new ChangeSignal();
  const ledger = new TransactionLedger(indexHashes(load.hashes), changes);
  const rpc = { post: (body: Buffer) => post((JSON.parse(body.toString()) as { id: number }[]).map(({ id }) => id)) };
  const driver = new LoadDriver(options, { rpc: rpc as unknown as RpcClient, ledger, changes }, load);
  return { ledger, driver };
}

const refusal = (id: number, code: number, message: string): string => JSON.stringify([{ id, error: { code, message } }]);

describe('LoadDriver', () => {
  it('keeps one batch of a lane in flight and the lanes side by side', async () => {
    const inFlight = new Set<number>();
    let most = 0;
    const { driver } = drive(plan(3, 4), async (ids) => {
      const lane = Math.floor((ids[0] as number) / 2) % 3;
      expect(inFlight.has(lane)).toBe(false);
      inFlight.add(lane);
      most = Math.max(most, inFlight.size);
      await new Promise((resolve) => setImmediate(resolve));
      inFlight.delete(lane);
      return '[]';
    });
    await driver.run(NEVER);
    expect(most).toBe(3);
  });

  it('never has more unconfirmed than allowed', async () => {
    const load = plan(4, 10);
    let most = 0;
    const { driver, ledger } = drive(
      load,
      async (ids) => {
        most = Math.max(most, ledger.pending);
        setImmediate(() =>
          ledger.recordIncluded(
            ids.map((id) => load.hashes[id] as string),
            performance.now(),
          ),
        );
        return '[]';
      },
      { rate: 0, maxPending: 4 },
    );
    await driver.run(NEVER);
    expect(most).toBe(4);
    expect(ledger.sent).toBe(80);
  });

  it('repeats what stands behind a repeated transaction of the same sender', async () => {
    const posted: number[][] = [];
    const { driver, ledger } = drive(plan(1, 1), async (ids) => {
      posted.push(ids);
      if (posted.length > 1) return '[]';
      return JSON.stringify([
        { id: 1, error: { code: 6, message: 'nonce gap' } },
        { id: 0, error: { code: -32005, message: 'limit' } },
      ]);
    });
    await driver.run(NEVER);
    expect(posted).toEqual([
      [0, 1],
      [0, 1],
    ]);
    expect(ledger.rejected).toBe(0);
  });

  it('takes "already known" after a lost answer for success', async () => {
    let posts = 0;
    const { driver, ledger } = drive(plan(1, 1), async () => {
      if (posts++ === 0) throw new StrobeError('BENCH_RPC_UNREACHABLE', 'socket hang up');
      return refusal(0, -32000, 'already known');
    });
    await driver.run(NEVER);
    expect([ledger.rejected, ledger.pending]).toEqual([0, 2]);
    expect(ledger.errors()).toEqual([{ code: 'BENCH_RPC_UNREACHABLE', message: 'socket hang up', count: 2 }]);
  });

  it('sends nothing more of a sender after a refusal for good', async () => {
    const posted: number[][] = [];
    const { driver, ledger } = drive(plan(1, 3), async (ids) => {
      posted.push(ids);
      return refusal(0, -32000, 'intrinsic gas too low');
    });
    await driver.run(NEVER);
    expect(posted).toEqual([[0, 1]]);
    expect([ledger.sent, ledger.rejected, ledger.stranded, ledger.pending]).toEqual([2, 1, 1, 0]);
  });

  it('spreads the batches over time with a rate', async () => {
    const { driver } = drive(plan(2, 5), async () => '[]', { rate: 200, maxPending: 1_000 });
    const startedAtMs = performance.now();
    await driver.run(NEVER);
    // The last of ten batches of two is due 18 / 200 s after the first; timers may fire a little early.
    expect(performance.now() - startedAtMs).toBeGreaterThanOrEqual(85);
  });

  it('stops at once when the signal aborts, and says that it ended early', async () => {
    const stop = new AbortController();
    const post = async () => {
      stop.abort();
      return '[]';
    };
    const { driver, ledger } = drive(plan(1, 5), post, { rate: 0.001, maxPending: 1_000 });
    await driver.run(stop.signal);
    expect(driver.endedEarly).toBe(true);
    expect(ledger.sent).toBe(2);
  });
});
