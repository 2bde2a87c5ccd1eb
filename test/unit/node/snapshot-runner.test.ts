import { describe, expect, it } from 'vitest';
import { createSnapshotMetrics } from '../../../src/node/snapshot-metrics.ts';
import { SnapshotRunner } from '../../../src/node/snapshot-runner.ts';
import { createMetrics } from '../../../src/observability/metrics.ts';
import { SnapshotSchedule } from '../../../src/store/snapshot/snapshot-schedule.ts';
import type { SnapshotManifest } from '../../../src/store/snapshot/snapshot-types.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { waitFor } from '../../support/wait-for.ts';

const manifest = { stateBytes: 4_000, chunks: [] } as unknown as SnapshotManifest;

function createRunner() {
  const metrics = createMetrics();
  const world = {
    now: 0,
    asked: [] as { block: number; outcome: PromiseWithResolvers<SnapshotManifest> }[],
    errors: [] as object[],
    infos: [] as object[],
    text: async () => (await metrics.expose()).body,
  };
  const runner = new SnapshotRunner({
    schedule: new SnapshotSchedule({ logBytes: 100, blocks: 10 }, { block: 0, logBytes: 0 }),
    write: (block) => {
      const outcome = Promise.withResolvers<SnapshotManifest>();
      world.asked.push({ block, outcome });
      return outcome.promise;
    },
    cancel: async () => world.asked.at(-1)?.outcome.reject(new StrobeError('THREAD_STOPPED', 'stopped')),
    metrics: createSnapshotMetrics(metrics),
    logger: { info: (fields) => world.infos.push(fields), error: (fields) => world.errors.push(fields) },
    nowMs: () => world.now,
  });
  return { runner, world };
}

describe('SnapshotRunner', () => {
  it('writes a snapshot when one is due, no higher than the limit, one at a time', async () => {
    const { runner, world } = createRunner();
    runner.offer(9);
    runner.noteLogged(100);
    runner.offer(35, 27);
    runner.noteLogged(100);
    runner.offer(30);
    expect(world.asked.map(({ block }) => block)).toEqual([20]);
    world.now = 1_500;
    world.asked[0]?.outcome.resolve(manifest);
    await waitFor(() => world.infos.length === 1);
    const text = await world.text();
    expect(text).toContain('strobe_snapshot_block_number 20');
    expect(text).toContain('strobe_snapshot_bytes 4000');
    expect(text).toContain('strobe_snapshot_duration_seconds_sum 1.5');
    expect(text).toContain('strobe_snapshots_failed_total 0');
    runner.offer(30);
    expect(world.asked.map(({ block }) => block)).toEqual([20, 30]);
  });

  it('logs and counts a failure and tries again later', async () => {
    const { runner, world } = createRunner();
    runner.offer(10);
    world.asked[0]?.outcome.reject(new StrobeError('SNAPSHOT_FAILED', 'no space', { file: 'x' }));
    await waitFor(() => world.errors.length === 1);
    expect(world.errors).toEqual([{ code: 'SNAPSHOT_FAILED', file: 'x', block: 10, retryMs: 10_000 }]);
    expect(await world.text()).toContain('strobe_snapshots_failed_total 1');
    world.now = 9_999;
    runner.offer(20);
    expect(world.asked.length).toBe(1);
    world.now = 10_000;
    runner.offer(20);
    expect(world.asked.map(({ block }) => block)).toEqual([10, 20]);
  });

  it('gives up the running one when it stops, which is no failure, and begins no other', async () => {
    const { runner, world } = createRunner();
    runner.offer(10);
    await runner.stop();
    runner.offer(50);
    expect(world.asked.length).toBe(1);
    expect(world.errors).toEqual([]);
    expect(await world.text()).toContain('strobe_snapshots_failed_total 0');
  });
});
