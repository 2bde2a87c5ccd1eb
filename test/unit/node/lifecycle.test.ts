import { expect, test } from 'vitest';
import { Lifecycle } from '../../../src/node/lifecycle.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { StrobeError } from '../../../src/util/errors.ts';

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
