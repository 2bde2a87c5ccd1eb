import { afterEach, describe, expect, test, vi } from 'vitest';
import type { PeerHead, PeerReader } from '../../../src/protocol/ports/network.ts';
import { assertTailKnown, furthestPeerHead } from '../../../src/sequencer/start-check.ts';

const head = (epoch: number, number: number): PeerHead => ({ epoch, number, digest: new Uint8Array(32) });
const never = new AbortController().signal;

afterEach(() => {
  vi.restoreAllMocks();
});

function peersWith(...rounds: PeerHead[][]): PeerReader {
  return { heads: async () => rounds.shift() ?? [] } as unknown as PeerReader;
}

describe('the furthest head that peers claim', () => {
  test('is that of the highest epoch, then of the highest number, over all rounds', async () => {
    expect(await furthestPeerHead(peersWith([head(1, 9), head(2, 3)], [], [head(2, 4)]), 350, never)).toEqual(head(2, 4));
  });

  test.each([
    ['back', -3_600_000],
    ['forward', 3_600_000],
  ])('is waited for as long when the clock is set %s meanwhile', async (_, stepMs) => {
    let nowMs = Date.now();
    vi.spyOn(Date, 'now').mockImplementation(() => nowMs);
    const rounds = [[head(1, 9)], [], [head(1, 12)]];
    const peers = {
      heads: async () => {
        nowMs += stepMs;
        return rounds.shift() ?? [];
      },
    } as unknown as PeerReader;
    expect(await furthestPeerHead(peers, 350, never)).toEqual(head(1, 12));
  });

  test('is nobody when no peer answers', async () => {
    expect(await furthestPeerHead(peersWith(), 20, never)).toBeUndefined();
    expect(await furthestPeerHead(peersWith([head(1, 1)]), 5_000, AbortSignal.abort())).toBeUndefined();
  });
});

describe('the tail behind an imported snapshot', () => {
  const own = head(2, 40);

  test('is known when the furthest peer ends where we do', () => {
    expect(() => assertTailKnown(own, head(2, 40))).not.toThrow();
    expect(() => assertTailKnown(own, head(1, 40))).not.toThrow();
  });

  test.each([
    ['no peer answers', undefined],
    ['peers are further and could not prove it', head(2, 41)],
    ['peers are behind, so nobody knows our newest mini-block', head(2, 39)],
    ['peers follow a newer epoch', head(3, 40)],
    ['peers have another mini-block there', { ...own, digest: new Uint8Array(32).fill(1) }],
  ])('is not known when %s', (_, peer) => {
    expect(() => assertTailKnown(own, peer)).toThrow(expect.objectContaining({ code: 'TAIL_NOT_AVAILABLE' }));
  });
});
