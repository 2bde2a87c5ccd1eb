import { execFileSync, spawnSync } from 'node:child_process';
import { afterEach, describe, expect, test } from 'vitest';
import { createMetrics, LATENCY_BUCKETS_SECONDS, SIZE_BUCKETS_BYTES } from '../../../src/observability/metrics.ts';
import { collectProcessMetrics } from '../../../src/observability/process-metrics.ts';
import { liveMebibytes } from '../../support/live-memory.ts';

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

const text = async (metrics: ReturnType<typeof createMetrics>) => (await metrics.expose()).body;

describe('the metric factory', () => {
  test('prefixes names and keeps registries apart', async () => {
    const one = createMetrics();
    const two = createMetrics();
    one.counter({ name: 'mini_blocks_total', help: 'Mini-blocks sealed.' }).inc(3);
    two.counter({ name: 'mini_blocks_total', help: 'Mini-blocks sealed.' }).inc(5);
    expect(await text(one)).toContain('strobe_mini_blocks_total 3');
    expect(await text(two)).toContain('strobe_mini_blocks_total 5');
  });

  test('counts by label', async () => {
    const metrics = createMetrics();
    const rejected = metrics.counter({ name: 'rejected_total', help: 'Rejected.', labelNames: ['code'] });
    rejected.inc({ code: 'NONCE_TOO_LOW' });
    expect(await text(metrics)).toContain('strobe_rejected_total{code="NONCE_TOO_LOW"} 1');
  });

  test('reads a gauge from its owner at each scrape', async () => {
    const metrics = createMetrics();
    let depth = 1;
    metrics.gauge({ name: 'queue_depth', help: 'Queued.', collect: (gauge) => gauge.set(depth) });
    expect(await text(metrics)).toContain('strobe_queue_depth 1');
    depth = 7;
    expect(await text(metrics)).toContain('strobe_queue_depth 7');
  });

  test.each([
    ['a counter without _total', () => createMetrics().counter({ name: 'blocks', help: 'x' })],
    ['a gauge with _total', () => createMetrics().gauge({ name: 'blocks_total', help: 'x' })],
    ['a name with our prefix', () => createMetrics().gauge({ name: 'strobe_blocks', help: 'x' })],
    ['camel case', () => createMetrics().gauge({ name: 'queueDepth', help: 'x' })],
    ['milliseconds', () => createMetrics().gauge({ name: 'delay_ms', help: 'x' })],
    ['an empty help text', () => createMetrics().gauge({ name: 'delay_seconds', help: ' ' })],
    ['a histogram without unit', () => createMetrics().histogram({ name: 'seal', help: 'x', buckets: [1] })],
  ])('refuses %s', (_name, declare) => {
    expect(declare).toThrow(expect.objectContaining({ code: 'INVALID_METRIC' }));
  });
});

describe('process metrics', () => {
  test('say how late the event loop is and forget it at each scrape', async () => {
    const metrics = createMetrics();
    closers.push(collectProcessMetrics(metrics));
    const maximum = async () => Number(/^strobe_event_loop_delay_max_seconds (\S+)$/m.exec(await text(metrics))?.[1]);
    await maximum();
    await new Promise((resolve) => setTimeout(resolve, 5));
    const until = performance.now() + 60;
    while (performance.now() < until);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(await maximum()).toBeGreaterThan(0.03);
  });

  test('keep nothing of a node that begins anew, whose successor tells them too', async () => {
    const goneState = (): WeakRef<object> => {
      const state = { rows: 3 };
      const metrics = createMetrics();
      metrics.gauge({ name: 'state_rows', help: 'Rows.', collect: (gauge) => gauge.set(state.rows) });
      collectProcessMetrics(metrics)();
      return new WeakRef(state);
    };
    const gone = goneState();
    const metrics = createMetrics();
    closers.push(collectProcessMetrics(metrics));
    expect(await text(metrics)).toMatch(/^process_cpu_seconds_total \d/m);
    const isThere = (): boolean => {
      // Collects garbage.
      liveMebibytes();
      return gone.deref() !== undefined;
    };
    await expect.poll(isThere).toBe(false);
  });

  test('pass promtool check metrics', async (context) => {
    if (spawnSync('promtool', ['--version']).error) {
      console.warn('skipped: promtool is not installed (Debian package prometheus)');
      return context.skip();
    }
    const metrics = createMetrics();
    closers.push(collectProcessMetrics(metrics));
    metrics.counter({ name: 'transactions_total', help: 'Transactions.', labelNames: ['outcome'] }).inc({ outcome: 'ok' });
    metrics.gauge({ name: 'head_number', help: 'Number of the newest mini-block.' }).set(4);
    metrics.histogram({ name: 'seal_seconds', help: 'Seal.', buckets: LATENCY_BUCKETS_SECONDS }).observe(0.01);
    metrics.histogram({ name: 'diff_bytes', help: 'Diff.', buckets: SIZE_BUCKETS_BYTES }).observe(300);
    expect(execFileSync('promtool', ['check', 'metrics'], { input: await text(metrics), encoding: 'utf8' })).toBe('');
  });
});
