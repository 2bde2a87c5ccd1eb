import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, expect, test } from 'vitest';

const script = join(import.meta.dirname, 'fixtures/run-fake-node.ts');
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});

type Line = { level: string; msg: string; role: string; code?: string };

function run(behaviour: string, stdio: 'plain' | 'supervised' = 'plain', env: NodeJS.ProcessEnv = {}) {
  const child = spawn(process.execPath, [script], {
    env: { ...process.env, ...env, FAKE_NODE: behaviour },
    stdio: ['ignore', 'pipe', 'pipe', ...(stdio === 'supervised' ? (['ipc'] as const) : [])],
  });
  children.push(child);
  const lines: Line[] = [];
  const listeners: (() => void)[] = [];
  if (child.stdout === null) throw new TypeError('stdout is piped');
  const reader = createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(JSON.parse(line));
    for (const listener of listeners) listener();
  });
  const logged = (msg: string) =>
    new Promise<void>((resolve) => {
      const check = () => lines.some((line) => line.msg === msg) && resolve();
      listeners.push(check);
      check();
    });
  // Not 'close': that never comes once the channel was disconnected from this side.
  const closed = Promise.all([once(child, 'exit'), once(reader, 'close')]).then(([[code]]) => Number(code));
  return { child, lines, logged, closed };
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s stops cleanly with 0', async (signal) => {
  const { child, logged, closed, lines } = run('serves');
  await logged('serving');
  child.kill(signal);
  expect(await closed).toBe(0);
  expect(lines.at(-1)).toMatchObject({ msg: 'stopped', role: 'fake' });
});

test('a later second signal ends a stop that hangs, with 130', async () => {
  const { child, logged, closed } = run('hangs');
  await logged('serving');
  child.kill('SIGINT');
  await logged('stopping');
  const again = setInterval(() => child.kill('SIGINT'), 100);
  expect(await closed).toBe(130);
  clearInterval(again);
});

test.each([
  ['hangs', 'serving', 'stop: not closed after 50 ms'],
  ['hangs-at-start', 'starting', 'start: not closed after 50 ms'],
])('one signal ends a node that %s, when its time is up', async (behaviour, ready, msg) => {
  const { child, logged, closed, lines } = run(behaviour, 'plain', { FAKE_STOP_DEADLINE_MS: '50' });
  await logged(ready);
  child.kill('SIGTERM');
  expect(await closed).toBe(1);
  expect(lines.at(-1)).toMatchObject({ level: 'fatal', code: 'STOP_TIMEOUT', msg });
});

test('under a supervisor SIGINT is not ours, and losing the supervisor stops the node', async () => {
  const { child, logged, closed, lines } = run('serves', 'supervised');
  await logged('serving');
  child.kill('SIGINT');
  child.disconnect();
  expect(await closed).toBe(0);
  expect(lines.map(({ msg }) => msg)).toEqual(['serving', 'the supervisor went away, stopping', 'stopped']);
});

test.each([
  ['fails-to-start', 'fake died: the genesis file is missing', 'NO_GENESIS'],
  ['dies', 'fake died: the builder stopped', 'LOOP_DIED'],
  ['unhandled', 'unhandled rejection: nobody caught this', undefined],
  ['uncaught', expect.stringMatching(/^uncaught exception: /), undefined],
])('a node that %s leaves one fatal line and exits with 1', async (behaviour, msg, code) => {
  const { closed, lines } = run(behaviour);
  expect(await closed).toBe(1);
  const fatal = lines.filter(({ level }) => level === 'fatal');
  expect(fatal).toHaveLength(1);
  expect(fatal[0]).toMatchObject({ msg, ...(code === undefined ? {} : { code }) });
});
