import { expect, test } from 'vitest';
import { StrobeError } from '../../../src/util/errors.ts';
import { type InvokeService, invokeService, remoteServices } from '../../../src/util/remote-services.ts';

interface Sums {
  add(a: number, b: number): number;
  fail(): void;
}

const services: { sums: Sums & { total: number } } = {
  sums: {
    total: 0,
    add(a, b) {
      this.total += a + b;
      return this.total;
    },
    fail: () => {
      throw new StrobeError('NO_SUM', 'it cannot be done');
    },
  },
};

const direct: InvokeService = async (service, method, args) => invokeService(services, service, method, args);

test('functions of another thread are called by name, on their own object', async () => {
  const { sums } = remoteServices<{ sums: Sums }>(direct, { sums: 10 });
  expect(await sums.add(1, 2)).toBe(3);
  expect(await sums.add(1, 2)).toBe(6);
  await expect(sums.fail()).rejects.toMatchObject({ code: 'NO_SUM' });
  // A remote that a promise resolves with is taken as it is.
  expect(await Promise.resolve(sums)).toBe(sums);
});

test('what does not exist is a fault of ours', async () => {
  const { other } = remoteServices<{ other: { missing(): void } }>(direct, { other: 1 });
  await expect(other.missing()).rejects.toMatchObject({ code: 'INVARIANT_VIOLATED' });
});

test('calls that wait are bounded, and those beyond are refused at once', async () => {
  const waiting: (() => void)[] = [];
  const hang: InvokeService = () => new Promise((resolve) => waiting.push(() => resolve(0)));
  const { sums } = remoteServices<{ sums: Sums }>(hang, { sums: 2 });
  const calls = [sums.add(1, 1), sums.add(2, 2)];
  await expect(sums.add(3, 3)).rejects.toMatchObject({ code: 'THREAD_BUSY', meta: { service: 'sums', maxInFlight: 2 } });
  for (const answer of waiting) answer();
  expect(await Promise.all(calls)).toEqual([0, 0]);
  const next = sums.add(4, 4);
  waiting.at(-1)?.();
  expect(await next).toBe(0);
});
