import { describe, expect, test } from 'vitest';
import { FairTurns } from '../../../src/rpc/fair-turns.ts';

const [ann, bob, eve] = [{}, {}, {}];

/** Jobs that end when they are told to; their names in the order in which they began. */
function scene(options: { places: number; maxWaiting: number }) {
  const turns = new FairTurns(options);
  const begun: string[] = [];
  const ends: (() => void)[] = [];
  const run = (asker: object, name: string): Promise<string> =>
    turns.run(asker, async () => {
      begun.push(name);
      await new Promise<void>((resolve) => ends.push(resolve));
      return name;
    });
  /** Ends what runs until `count` have begun. */
  const until = async (count: number): Promise<void> => {
    while (begun.length < count) {
      ends.shift()?.();
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  return { turns, begun, ends, run, until };
}

describe('fair turns', () => {
  test('let a few run at a time, and give places back whatever becomes of a job', async () => {
    const { turns, begun, ends, run } = scene({ places: 2, maxWaiting: 1 });
    const running = [run(ann, 'a1'), run(ann, 'a2'), run(ann, 'a3')];
    expect(begun).toEqual(['a1', 'a2']);
    expect(turns.waiting).toBe(1);
    await expect(run(ann, 'a4')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    ends[0]?.();
    await expect(running[0]).resolves.toBe('a1');
    expect(begun).toEqual(['a1', 'a2', 'a3']);
    for (const end of ends) end();
    await Promise.all(running);
    await expect(turns.run(ann, () => Promise.reject(new TypeError('broken')))).rejects.toThrow('broken');
    await Promise.all([turns.run(ann, async () => {}), turns.run(bob, async () => {})]);
  });

  test('go round among those who ask, each in order', async () => {
    const { begun, run, until } = scene({ places: 1, maxWaiting: 10 });
    void ['a1', 'a2', 'a3', 'a4'].map((name) => run(ann, name));
    void ['b1', 'b2'].map((name) => run(bob, name));
    void run(eve, 'e1');
    await until(7);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'e1', 'a3', 'b2', 'a4']);
  });

  test('take a place to wait from who has the most', async () => {
    const { turns, begun, run, until } = scene({ places: 1, maxWaiting: 3 });
    void run(ann, 'a1');
    const greedy = ['a2', 'a3', 'a4'].map((name) => run(ann, name));
    void run(bob, 'b1');
    await expect(greedy[2]).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    // With one more he would have as many as she has.
    await expect(run(bob, 'b2')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    void run(eve, 'e1');
    await expect(greedy[1]).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(turns.waiting).toBe(3);
    await until(4);
    expect(begun).toEqual(['a1', 'a2', 'b1', 'e1']);
  });

  test('refuse those who wait when they stop', async () => {
    const { turns, ends, run } = scene({ places: 1, maxWaiting: 3 });
    const [running, waiting] = [run(ann, 'a1'), run(ann, 'a2')];
    turns.stop();
    await expect(waiting).rejects.toMatchObject({ code: 'NOT_AVAILABLE' });
    await expect(run(bob, 'b1')).rejects.toMatchObject({ code: 'NOT_AVAILABLE' });
    ends[0]?.();
    await expect(running).resolves.toBe('a1');
  });
});
