import { expect, test } from 'vitest';
import { BAN_MS, OFFENCE_MEMORY_MS, OFFENCES_BEFORE_BAN } from '../../../src/network/network-limits.ts';
import { PeerFailures } from '../../../src/network/peer-failures.ts';
import { PeerGuard } from '../../../src/network/peer-guard.ts';
import { PeerMemory } from '../../../src/network/peer-memory.ts';
import { defined } from '../../support/defined.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startNode } from './network-fixture.ts';

/** A guard and the failures beside it, on a clock that begins anywhere. */
function peersAt(nowMs: number, remembered = new PeerMemory().recall()) {
  const clock = { ms: nowMs };
  const now = (): number => clock.ms;
  const guard = new PeerGuard({ onOffence: () => {}, nowMs: now, remembered: remembered.offenders });
  const failures = new PeerFailures({ onFailure: () => {}, nowMs: now, remembered: remembered.failures });
  return { clock, guard, failures, remember: () => ({ offenders: guard.remember(), failures: failures.remember() }) };
}

test('offences, bans and failures go on where they were, on another clock', () => {
  const before = peersAt(1_000_000);
  for (let i = 0; i < OFFENCES_BEFORE_BAN; i++) before.guard.offend('banned', 'BAD');
  before.guard.offend('once', 'BAD');
  for (let i = 0; i < 3; i++) before.failures.note('slow', 'STREAM_TIMEOUT');
  before.clock.ms += 1_000;
  const core = { ms: 5 };
  const memory = new PeerMemory(() => core.ms);
  memory.keep(before.remember());
  core.ms += 2_000;

  const after = peersAt(7, memory.recall());
  expect(after.guard.banned()).toEqual([{ peer: 'banned', forMs: BAN_MS - 3_000 }]);
  expect(after.guard.offences('once')).toBe(1);
  expect(after.failures.of('slow')).toBe(3);
  for (let i = 1; i < OFFENCES_BEFORE_BAN; i++) after.guard.offend('once', 'BAD');
  expect(after.guard.isBanned('once')).toBe(true);
  after.clock.ms += BAN_MS - 3_000;
  expect(after.guard.isBanned('banned')).toBe(false);
});

test('what is long past is not kept', () => {
  const before = peersAt(0);
  before.guard.offend('once', 'BAD');
  before.failures.note('slow', 'STREAM_TIMEOUT');
  before.clock.ms += OFFENCE_MEMORY_MS + 1;
  expect(before.remember()).toEqual({ offenders: [], failures: [] });
});

test('a node that is wired anew still bans whom it banned', async () => {
  const memory = new PeerMemory();
  const peer = await startNode();
  const node = await startNode({ bootstrap: [peer.address], memory });
  const id = await waitFor(async () => (await node.node.standings())[0]?.peer);
  for (let i = 0; i < OFFENCES_BEFORE_BAN; i++) node.node.snapshots.report(id, 'FALSE_CHUNK');
  await waitFor(async () => ((await node.node.standings())[0]?.bannedForMs ?? 0) > 0);
  await node.node.stop();

  await using again = await startNode({ bootstrap: [peer.address], memory });
  const [standing] = await again.node.standings();
  expect(standing).toMatchObject({ peer: id, score: -100 });
  expect(defined(standing).bannedForMs).toBeGreaterThan(BAN_MS / 2);
  await peer.node.stop();
});
