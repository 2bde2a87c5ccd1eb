import { expect, test } from 'vitest';
import { LagReport } from '../../../src/prover-stub/lag-report.ts';

test('falling behind and catching up are told once each, the lag itself every time', () => {
  const told: string[] = [];
  const lags: number[] = [];
  const tell = (level: string) => (fields: object) => told.push(`${level} ${JSON.stringify(fields)}`);
  const logger = { debug: tell('debug'), info: tell('info'), warn: tell('warn'), error: tell('error') };
  const report = new LagReport({ metrics: { recordLag: (blocks) => lags.push(blocks) }, logger });
  for (const [blockNumber, lag] of [0, 10, 11, 12, 5, 11, 2, 11].entries()) report.update(lag, blockNumber);
  expect(lags).toEqual([0, 10, 11, 12, 5, 11, 2, 11]);
  expect(told).toEqual([
    'warn {"lag":11,"blockNumber":2}',
    'info {"worstLag":12,"blockNumber":6}',
    'warn {"lag":11,"blockNumber":7}',
  ]);
});
