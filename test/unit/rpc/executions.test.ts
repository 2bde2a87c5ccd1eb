import { describe, expect, test } from 'vitest';
import { createMetrics } from '../../../src/observability/metrics.ts';
import type { CallExecutor } from '../../../src/protocol/ports/execution.ts';
import { Executions } from '../../../src/rpc/executions.ts';
import { StrobeError } from '../../../src/util/errors.ts';

const client = {};
const tooLong = new StrobeError('CALL_TIMEOUT', 'execution aborted');

/** Executors that only know their names, and what is thrown by the quick one. */
function scene(quickThrows?: StrobeError) {
  const [calls, quickCalls] = [{}, {}] as [CallExecutor, CallExecutor];
  const metrics = createMetrics();
  const executions = new Executions({ executors: 1, maxWaitingExecutions: 100 }, { backend: { calls, quickCalls }, metrics });
  const asked: string[] = [];
  const ask = (asker: object = client) =>
    executions.call(asker, async (executor) => {
      asked.push(executor === calls ? 'executor' : 'here');
      if (executor === quickCalls && quickThrows !== undefined) throw quickThrows;
      return 'result';
    });
  return { executions, asked, ask, page: async () => (await metrics.expose()).body };
}

describe('a call', () => {
  test('that is quick is executed here alone', async () => {
    const { asked, ask, page } = scene();
    await expect(ask()).resolves.toBe('result');
    expect(asked).toEqual(['here']);
    expect(await page()).toContain('strobe_rpc_executions_total{place="here"} 1');
  });

  test('that takes too long here begins anew in an executor', async () => {
    const { asked, ask, page } = scene(tooLong);
    await expect(ask()).resolves.toBe('result');
    expect(asked).toEqual(['here', 'executor']);
    expect(await page()).toMatch(/place="vain"} 1\nstrobe_rpc_executions_total{place="executor"} 1/);
  });

  test('that fails does so where it is', async () => {
    const { asked, ask } = scene(new StrobeError('EXECUTION_FAILED', 'out of gas'));
    await expect(ask()).rejects.toMatchObject({ code: 'EXECUTION_FAILED' });
    expect(asked).toEqual(['here']);
  });

  test('of a client whose calls are long again and again is not begun here any more', async () => {
    const { asked, ask } = scene(tooLong);
    // Also of a batch, which asks for all of them at once.
    await Promise.allSettled(Array.from({ length: 100 }, () => ask()));
    const begunHere = asked.filter((place) => place === 'here').length;
    expect(begunHere).toBeGreaterThanOrEqual(40);
    expect(begunHere).toBeLessThan(80);
    const before = asked.length;
    await ask({});
    expect(asked.slice(before)).toEqual(['here', 'executor']);
  });
});
