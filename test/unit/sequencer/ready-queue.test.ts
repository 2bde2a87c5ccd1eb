import fc from 'fast-check';
import { expect, test } from 'vitest';
import { ReadyQueue } from '../../../src/sequencer/ready-queue.ts';
import { runs } from '../../support/property-runs.ts';

test('gives the smallest item, as a sorted array does', () => {
  const steps = fc.array(fc.oneof({ arbitrary: fc.nat(30), weight: 3 }, { arbitrary: fc.constant('pop' as const), weight: 2 }), {
    maxLength: 200,
  });
  fc.assert(
    fc.property(steps, (commands) => {
      const queue = new ReadyQueue<number>((a, b) => a - b);
      const sorted: number[] = [];
      for (const command of commands) {
        if (command === 'pop') {
          expect(queue.pop()).toBe(sorted.shift());
        } else {
          queue.push(command);
          sorted.push(command);
          sorted.sort((a, b) => a - b);
        }
        expect(queue.size).toBe(sorted.length);
      }
      while (sorted.length > 0) expect(queue.pop()).toBe(sorted.shift());
      expect(queue.pop()).toBeUndefined();
    }),
    runs(200),
  );
});

test('compares no more than a heap does', () => {
  let comparisons = 0;
  const queue = new ReadyQueue<number>((a, b) => {
    comparisons++;
    return a - b;
  });
  const count = 4_096;
  for (let i = 0; i < count; i++) queue.push((i * 2_654_435_761) % count);
  for (let i = 0; i < count; i++) queue.pop();
  expect(comparisons).toBeLessThan(count * 12 * 3);
});
