import { expect, test } from 'vitest';
import { Lifecycle } from '../../../src/node/lifecycle.ts';
import type { RunningNode } from '../../../src/node/running-node.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { liveMebibytes } from '../../support/live-memory.ts';

const logger = createLogger({ level: 'silent', format: 'json', bindings: {} });

test('a start that failed says why, also when what had started does not close', async () => {
  const life = new Lifecycle(logger);
  const closed: string[] = [];
  life.onStop('log', () => void closed.push('log'));
  life.onStop('network', () => {
    throw new StrobeError('LOG_FAILED', 'the disk is gone');
  });
  const failure = new StrobeError('SNAPSHOT_MISSING', 'there is no whole snapshot');
  await expect(life.fail(failure)).rejects.toBe(failure);
  expect(closed).toEqual(['log']);
});

test('a node that was stopped keeps nothing of what it stood on', async () => {
  const startAndStop = async (): Promise<{ node: RunningNode; state: WeakRef<object> }> => {
    const life = new Lifecycle(logger);
    const state = { rows: 3 };
    life.onStop('state', () => void state.rows--);
    const failed = new Promise<void>(() => {});
    void failed.then(() => state.rows);
    life.watch(failed);
    const node = life.node();
    const running = node.run();
    await node.stop();
    await running;
    return { node, state: new WeakRef(state) };
  };
  const { node, state } = await startAndStop();
  const isThere = (): boolean => {
    // Collects garbage.
    liveMebibytes();
    return state.deref() !== undefined;
  };
  await expect.poll(isThere).toBe(false);
  await expect(node.stop()).resolves.toBeUndefined();
});

test('what starts while the node stops is closed too', async () => {
  const life = new Lifecycle(logger);
  const closed: string[] = [];
  life.onStop('log', () => void closed.push('log'));
  life.onStop('server', () => {
    closed.push('server');
    life.onStop('thread of its last request', () => void closed.push('thread'));
  });
  await life.stop();
  expect(closed).toEqual(['server', 'thread', 'log']);
});
