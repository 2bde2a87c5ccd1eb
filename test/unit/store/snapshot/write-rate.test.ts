import { expect, it } from 'vitest';
import { WriteRate } from '../../../../src/store/snapshot/write-rate.ts';

/** A clock that only waiting moves. */
function fakeTime() {
  const time = { now: 1_000, waits: [] as number[] };
  const modules = {
    now: () => time.now,
    wait: async (ms: number) => {
      time.waits.push(ms);
      time.now += ms;
    },
  };
  return { time, modules };
}

it('spends the time that so many bytes may take, small chunks too', async () => {
  const { time, modules } = fakeTime();
  const rate = new WriteRate(1_000_000, modules);
  for (let i = 0; i < 100; i++) await rate.spent(10_000, undefined);
  expect(time.now).toBeCloseTo(2_000, 0);
  const { time: fine, modules: fineModules } = fakeTime();
  const fineRate = new WriteRate(1_000_000, fineModules);
  for (let i = 0; i < 5_000; i++) await fineRate.spent(100, undefined);
  expect(fine.now).toBeGreaterThan(1_498);
});

it('does not make up for a long pause in one burst', async () => {
  const { time, modules } = fakeTime();
  const rate = new WriteRate(1_000_000, modules);
  time.now += 10_000;
  const start = time.now;
  for (let i = 0; i < 100; i++) await rate.spent(10_000, undefined);
  expect(time.now - start).toBeCloseTo(950, 0);
});

it('without a bound only lets others have their turn', async () => {
  const { time, modules } = fakeTime();
  let turns = 0;
  const timer = setImmediate(() => turns++);
  await new WriteRate(Number.POSITIVE_INFINITY, modules).spent(1e12, undefined);
  clearImmediate(timer);
  expect([time.waits, turns]).toEqual([[], 1]);
});

it('ends a wait that is given up', async () => {
  const stop = new AbortController();
  const spent = new WriteRate(1).spent(1_000_000, stop.signal);
  stop.abort();
  await expect(spent).rejects.toMatchObject({ code: 'ABORTED' });
});
