import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { createLogger, type LogLevel, setLogLevel } from '../../../src/observability/logger.ts';
import { StrobeError } from '../../../src/util/errors.ts';

function capture(level: LogLevel, format: 'json' | 'pretty') {
  const destination = new PassThrough();
  const logger = createLogger({ level, format, bindings: { role: 'replica' }, destination });
  return { logger, text: () => String(destination.read() ?? '') };
}

test('JSON lines carry role, component, level and the code of an error', () => {
  const { logger, text } = capture('info', 'json');
  logger.child({ component: 'gossip' }).warn({ err: new StrobeError('BAD_PEER', 'no', { peer: 'x' }) }, 'dropped');
  const line = JSON.parse(text());
  expect(line).toMatchObject({
    level: 'warn',
    role: 'replica',
    component: 'gossip',
    msg: 'dropped',
    err: { code: 'BAD_PEER', meta: { peer: 'x' } },
  });
  expect(Date.parse(line.time)).not.toBeNaN();
});

test('lines below the level are not written', () => {
  const { logger, text } = capture('warn', 'json');
  logger.info('quiet');
  expect(text()).toBe('');
});

test('pretty lines are for people', async () => {
  const destination = new PassThrough();
  const logger = createLogger({ level: 'info', format: 'pretty', destination });
  const written = new Promise((resolve) => destination.once('data', (chunk) => resolve(String(chunk))));
  logger.info({ port: 8545 }, 'listening');
  expect(await written).toMatch(/INFO.*listening.*8545/);
});

test('passwords and private keys are redacted wherever they stand', () => {
  const { logger, text } = capture('info', 'json');
  logger.info({ password: 'hunter2', key: { privateKey: '0xabc' } }, 'settings');
  const line = text();
  expect(line).not.toMatch(/hunter2|0xabc/);
  expect(line).toContain('[redacted]');
});

test('the level can be changed for a logger and all that came from it', () => {
  const { logger, text } = capture('info', 'json');
  const child = logger.child({ component: 'gossip' });
  const grandchild = child.child({ peer: 'x' });
  for (const each of [logger, child, grandchild]) each.debug('quiet');
  setLogLevel(logger, 'debug');
  for (const each of [logger, child, grandchild]) each.debug('loud');
  const lines = text().trim().split('\n');
  expect(lines.map((line) => JSON.parse(line).msg)).toEqual(['loud', 'loud', 'loud']);
});
