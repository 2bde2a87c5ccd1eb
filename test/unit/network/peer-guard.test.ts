import { describe, expect, it } from 'vitest';
import {
  ANSWER_BURST_BYTES,
  BAN_MS,
  MAX_TRACKED_OFFENDERS,
  MAX_TRACKED_PEERS,
  OFFENCE_MEMORY_MS,
  OFFENCES_BEFORE_BAN,
  REQUEST_BURST,
  REQUESTS_PER_SECOND,
  TOTAL_ANSWER_BURST_BYTES,
} from '../../../src/network/network-limits.ts';
import { PeerGuard } from '../../../src/network/peer-guard.ts';

function createGuard() {
  const clock = { ms: 1_000 };
  const bans: string[] = [];
  const guard = new PeerGuard({
    nowMs: () => clock.ms,
    onOffence: (peer, code, banned) => banned && bans.push(`${peer} ${code}`),
  });
  const offend = (peer: string, times: number): void => {
    for (let i = 0; i < times; i++) guard.offend(peer, 'BAD');
  };
  return { guard, clock, bans, offend };
}

describe('PeerGuard', () => {
  it('bans at the limit, for a while, and counts from zero after', () => {
    const { guard, clock, bans, offend } = createGuard();
    offend('a', OFFENCES_BEFORE_BAN - 1);
    expect(guard.isBanned('a')).toBe(false);
    expect(guard.offences('a')).toBe(OFFENCES_BEFORE_BAN - 1);
    offend('a', 1);
    expect(bans).toEqual(['a BAD']);
    expect(guard.isBanned('a')).toBe(true);
    expect(guard.isBanned('b')).toBe(false);
    clock.ms += BAN_MS;
    expect(guard.isBanned('a')).toBe(false);
    offend('a', OFFENCES_BEFORE_BAN - 1);
    expect(guard.isBanned('a')).toBe(false);
    offend('a', 1);
    expect(guard.isBanned('a')).toBe(true);
  });

  it('forgets offences that are long past', () => {
    const { guard, clock, offend } = createGuard();
    offend('a', OFFENCES_BEFORE_BAN - 1);
    clock.ms += OFFENCE_MEMORY_MS + 1;
    expect(guard.offences('a')).toBe(0);
    offend('a', 1);
    expect(guard.isBanned('a')).toBe(false);
  });

  it('remembers a bounded number of peers, the latest offenders', () => {
    const { guard, offend } = createGuard();
    offend('first', 1);
    for (let i = 0; i < MAX_TRACKED_OFFENDERS; i++) offend(`peer-${i}`, 1);
    expect(guard.offences('first')).toBe(0);
    expect(guard.offences('peer-0')).toBe(1);
  });

  it('grants a burst of requests, then the rate', () => {
    const { guard, clock } = createGuard();
    const granted = (): number => {
      let count = 0;
      while (guard.allowRequest('a')) count++;
      return count;
    };
    expect(granted()).toBe(REQUEST_BURST);
    clock.ms += 1_000;
    expect(granted()).toBe(REQUESTS_PER_SECOND);
    clock.ms += 3_600_000;
    expect(granted()).toBe(REQUEST_BURST);
    expect(guard.allowRequest('b')).toBe(true);
  });

  it('remembers what a bounded number of peers used up, the latest ones', () => {
    const { guard } = createGuard();
    guard.noteAnswered('first', ANSWER_BURST_BYTES);
    for (let i = 1; i < MAX_TRACKED_PEERS; i++) guard.allowRequest(`peer-${i}`);
    expect(guard.allowsAnswer('first')).toBe(false);
    guard.allowRequest('one more');
    expect(guard.allowsAnswer('first')).toBe(true);
  });

  it('bounds what one peer is sent, and all of them together', () => {
    const { guard, clock } = createGuard();
    guard.noteAnswered('a', ANSWER_BURST_BYTES);
    expect(guard.allowsAnswer('a')).toBe(false);
    expect(guard.allowsAnswer('b')).toBe(true);
    clock.ms += 1_000;
    expect(guard.allowsAnswer('a')).toBe(true);
    for (const peer of ['b', 'c', 'd']) guard.noteAnswered(peer, ANSWER_BURST_BYTES);
    expect(3 * ANSWER_BURST_BYTES).toBeGreaterThan(TOTAL_ANSWER_BURST_BYTES);
    expect(guard.allowsAnswer('e')).toBe(false);
    clock.ms += 60_000;
    expect(guard.allowsAnswer('e')).toBe(true);
  });
});
