import { describe, expect, it } from 'vitest';
import { FloodGuard } from '../../../src/network/flood-guard.ts';
import {
  GOSSIP_BURST_BYTES,
  GOSSIP_BYTES_PER_SECOND,
  MAX_TRACKED_PEERS,
  REFUSED_REQUEST_BURST,
  USELESS_GOSSIP_BURST,
  USELESS_GOSSIP_PER_SECOND,
} from '../../../src/network/network-limits.ts';

function createGuard() {
  const clock = { ms: 1_000 };
  const offences: string[] = [];
  const guard = new FloodGuard({ nowMs: () => clock.ms, offend: (peer, code) => offences.push(`${peer} ${code}`) });
  return { guard, clock, offences };
}

describe('FloodGuard', () => {
  it('lets a burst of gossip through, and then the rate', () => {
    const { guard, clock, offences } = createGuard();
    const MESSAGE_BYTES = 2 ** 20;
    const allowed = (): number => {
      let bytes = 0;
      while (guard.allowGossip('a', MESSAGE_BYTES)) bytes += MESSAGE_BYTES;
      return bytes;
    };
    expect(allowed()).toBe(GOSSIP_BURST_BYTES);
    expect(offences).toEqual(['a GOSSIP_FLOOD']);
    clock.ms += 1_000;
    expect(allowed()).toBe(GOSSIP_BYTES_PER_SECOND);
    expect(guard.allowGossip('b', MESSAGE_BYTES)).toBe(true);
  });

  it('counts one offence a second, however much is sent in it', () => {
    const { guard, clock, offences } = createGuard();
    for (let i = 0; i < 3 * USELESS_GOSSIP_BURST; i++) guard.noteUseless('a');
    expect(offences).toEqual(['a GOSSIP_FLOOD']);
    clock.ms += 1_000;
    for (let i = 0; i < 3 * USELESS_GOSSIP_PER_SECOND; i++) guard.noteUseless('a');
    expect(offences).toHaveLength(2);
  });

  it('holds nothing against who stays within the rate for an hour', () => {
    const { guard, clock, offences } = createGuard();
    for (let second = 0; second < 3_600; second++) {
      for (let i = 0; i < USELESS_GOSSIP_PER_SECOND; i += 10) for (let j = 0; j < 10; j++) guard.noteUseless('a');
      clock.ms += 1_000;
    }
    expect(offences).toEqual([]);
  });

  it('counts requests that go on though they are refused', () => {
    const { guard, offences } = createGuard();
    for (let i = 0; i < REFUSED_REQUEST_BURST; i++) guard.noteRefusedRequest('a');
    expect(offences).toEqual([]);
    guard.noteRefusedRequest('a');
    expect(offences).toEqual(['a REQUEST_FLOOD']);
  });

  it('remembers a bounded number of peers', () => {
    const { guard, offences } = createGuard();
    const spend = (peer: string): void => {
      for (let i = 0; i < REFUSED_REQUEST_BURST; i++) guard.noteRefusedRequest(peer);
    };
    spend('first');
    for (let i = 0; i < MAX_TRACKED_PEERS; i++) guard.noteRefusedRequest(`peer-${i}`);
    spend('first');
    expect(offences).toEqual([]);
    guard.noteRefusedRequest('first');
    expect(offences).toEqual(['first REQUEST_FLOOD']);
  });
});
