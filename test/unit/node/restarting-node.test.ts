import { expect, test } from 'vitest';
import { type Restart, RestartingNode } from '../../../src/node/restarting-node.ts';
import type { RunningNode } from '../../../src/node/running-node.ts';
import { StrobeError } from '../../../src/util/errors.ts';

/** Nodes that say what happens to them. */
class Nodes {
  readonly events: string[] = [];
  readonly restarts: Restart[] = [];
  readonly ends: PromiseWithResolvers<void>[] = [];

  readonly start = async (restart: Restart): Promise<RunningNode> => {
    const number = this.restarts.push(restart);
    const end = Promise.withResolvers<void>();
    this.ends.push(end);
    this.events.push(`start ${number}`);
    const stop = async (): Promise<void> => {
      this.events.push(`stop ${number}`);
      end.resolve();
    };
    return { run: () => end.promise, stop };
  };
}

test('it begins anew between two runs, as often as it is asked, and ends with a stop', async () => {
  const nodes = new Nodes();
  const node = await RestartingNode.start(nodes.start);
  const run = node.run();
  for (const round of [1, 2]) {
    const done = Promise.withResolvers<void>();
    nodes.restarts[round - 1]?.(async () => {
      nodes.events.push(`between ${round}`);
      done.resolve();
    });
    await done.promise;
    await new Promise((resolve) => setImmediate(resolve));
  }
  await node.stop();
  await run;
  expect(nodes.events).toEqual(['start 1', 'stop 1', 'between 1', 'start 2', 'stop 2', 'between 2', 'start 3', 'stop 3']);
});

test('a stop in between waits for what is under way, and nothing starts again', async () => {
  const nodes = new Nodes();
  const node = await RestartingNode.start(nodes.start);
  const run = node.run();
  const begun = Promise.withResolvers<void>();
  const work = Promise.withResolvers<void>();
  nodes.restarts[0]?.(async () => {
    begun.resolve();
    await work.promise;
    nodes.events.push('between');
  });
  await begun.promise;
  const stopped = node.stop();
  work.resolve();
  await Promise.all([stopped, run]);
  expect(nodes.events).toEqual(['start 1', 'stop 1', 'between', 'stop 1']);
});

test('it dies with its node, and when it cannot begin anew', async () => {
  const dying = new Nodes();
  const node = await RestartingNode.start(dying.start);
  const run = node.run();
  dying.ends[0]?.reject(new StrobeError('TEST', 'a loop died'));
  await expect(run).rejects.toThrow('a loop died');

  const failing = new Nodes();
  const other = await RestartingNode.start(failing.start);
  const running = other.run();
  failing.restarts[0]?.(async () => {
    throw new StrobeError('TEST', 'the disk is full');
  });
  await expect(running).rejects.toThrow('the disk is full');
  await other.stop();
});
