import { expect, test } from 'vitest';
import { FAILURE_MEMORY_MS, MAX_TRACKED_PEERS } from '../../../src/network/network-limits.ts';
import { PeerFailures } from '../../../src/network/peer-failures.ts';

function create() {
  const clock = { ms: 0 };
  const told: string[] = [];
  const failures = new PeerFailures({ nowMs: () => clock.ms, onFailure: (peer, code) => told.push(`${peer} ${code}`) });
  return { clock, told, failures };
}

test('failures count until the last one is long past', () => {
  const { clock, told, failures } = create();
  expect(failures.note('a', 'STREAM_TIMEOUT')).toBe(1);
  clock.ms += FAILURE_MEMORY_MS;
  expect(failures.note('a', 'RANGE_INVALID')).toBe(2);
  expect(told).toEqual(['a STREAM_TIMEOUT', 'a RANGE_INVALID']);
  expect(failures.of('b')).toBe(0);
  clock.ms += FAILURE_MEMORY_MS + 1;
  expect(failures.of('a')).toBe(0);
  expect(failures.note('a', 'STREAM_TIMEOUT')).toBe(1);
});

test('a bounded number of peers is remembered, those that failed last', () => {
  const { failures } = create();
  failures.note('first', 'X');
  for (let i = 0; i < MAX_TRACKED_PEERS; i++) failures.note(`peer-${i}`, 'X');
  expect(failures.of('first')).toBe(0);
  expect(failures.of('peer-0')).toBe(1);
});
