import { describe, expect, it } from 'vitest';
import { OFFENCES_BEFORE_BAN } from '../../../src/network/network-limits.ts';
import { MAX_GOSSIP_BYTES } from '../../../src/protocol/limits.ts';
import { ACCEPT, ignore, reject } from '../../../src/protocol/verdict.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';
import { waitFor } from '../../support/wait-for.ts';
import { collect, gossipReady, pattern, startNode } from './network-fixture.ts';

describe('gossip between nodes', () => {
  it('reaches a node that is connected only through another, in the order of publishing', async () => {
    await using a = await startNode();
    await using b = await startNode({ bootstrap: [a.address] });
    await using c = await startNode({ bootstrap: [b.address] });
    const atB = collect(b.node, 'mini-blocks');
    const atC = collect(c.node, 'mini-blocks');
    await gossipReady(a.node, 'mini-blocks', atC);
    const first = atC.length;
    const sent = Array.from({ length: 50 }, (_, index) => pattern(1_000 + 997 * index, index));
    for (const message of sent) a.node.gossip.publish('mini-blocks', message);
    // Compared by number: a report on the differences of megabytes would never end.
    const numbers = (messages: readonly Bytes[]): number[] =>
      messages
        .filter((message) => message.length >= 1_000)
        .map((message) => sent.findIndex((one) => Buffer.compare(one, message) === 0));
    await waitFor(() => numbers(atC).length === sent.length);
    expect(numbers(atC)).toEqual(sent.map((_, index) => index));
    expect(numbers(atB)).toEqual(sent.map((_, index) => index));
    expect(first).toBeGreaterThan(0);
    expect(a.node.peerCount()).toBe(1);
    expect(b.node.peerCount()).toBe(2);
    expect(a.metrics.published.at(-1)).toEqual(['mini-blocks', sent.at(-1)?.length]);
    expect(c.metrics.received.at(-1)).toEqual(['mini-blocks', sent.at(-1)?.length, ACCEPT]);
  });

  it('carries a message of 3 MB and refuses one above the limit', async () => {
    await using a = await startNode();
    await using b = await startNode({ bootstrap: [a.address] });
    const atB = collect(b.node, 'witnesses');
    await gossipReady(a.node, 'witnesses', atB);
    const large = pattern(3_000_000, 1);
    a.node.gossip.publish('witnesses', large);
    const largest = pattern(MAX_GOSSIP_BYTES, 2);
    a.node.gossip.publish('witnesses', largest);
    await waitFor(() => atB.some((message) => message.length === MAX_GOSSIP_BYTES));
    expect(Buffer.compare(atB.at(-2) as Bytes, large)).toBe(0);
    expect(Buffer.compare(atB.at(-1) as Bytes, largest)).toBe(0);
    const publish = (): void => a.node.gossip.publish('witnesses', new Uint8Array(MAX_GOSSIP_BYTES + 1));
    expect(strobeCodeOf(publish)).toBe('GOSSIP_MESSAGE_TOO_LARGE');
  });

  it('does not hand on or forward what the validator ignores, and holds it against nobody', async () => {
    await using a = await startNode();
    await using b = await startNode({ bootstrap: [a.address] });
    const seen: number[] = [];
    const atB = collect(b.node, 'seals', (message) => {
      seen.push(message.length);
      return message.length === 100 ? ignore('OLD') : ACCEPT;
    });
    await gossipReady(a.node, 'seals', atB);
    for (let i = 0; i < 20; i++) a.node.gossip.publish('seals', pattern(100, i));
    a.node.gossip.publish('seals', pattern(101, 0));
    await waitFor(() => atB.some((message) => message.length === 101));
    expect(seen.filter((length) => length === 100)).toHaveLength(20);
    expect(atB.some((message) => message.length === 100)).toBe(false);
    expect(b.events.some((event) => event.kind === 'offence')).toBe(false);
  });

  it('disconnects and bans a peer after five rejected messages', async () => {
    await using b = await startNode();
    const atB = collect(b.node, 'mini-blocks', (message) => (message.length === 64 ? reject('BAD_SIGNATURE') : ACCEPT));
    await using a = await startNode({ bootstrap: [b.address] });
    await gossipReady(a.node, 'mini-blocks', atB);
    for (let i = 0; i < OFFENCES_BEFORE_BAN; i++) {
      expect(b.node.peerCount()).toBe(1);
      a.node.gossip.publish('mini-blocks', pattern(64, i));
      await waitFor(() => b.events.filter((event) => event.kind === 'offence').length === i + 1);
    }
    await waitFor(() => b.node.peerCount() === 0);
    const offences = b.events.filter((event) => event.kind === 'offence');
    expect(offences.at(-1)).toMatchObject({ code: 'BAD_SIGNATURE', banned: true });
    expect(offences.at(-2)).toMatchObject({ banned: false });
    // The peer keeps dialling and is turned away each time.
    await waitFor(() => a.events.filter((event) => event.kind === 'disconnected').length > 0);
    expect(b.node.peerCount()).toBe(0);
  });

  it('takes a validator that throws for a rejection, not for a crash', async () => {
    await using b = await startNode();
    const atB = collect(b.node, 'attestations', (message) => {
      if (message.length === 64) throw new TypeError('a decoder slipped');
      return ACCEPT;
    });
    await using a = await startNode({ bootstrap: [b.address] });
    await gossipReady(a.node, 'attestations', atB);
    a.node.gossip.publish('attestations', pattern(64, 0));
    await waitFor(() => b.events.some((event) => event.kind === 'offence' && event.code === 'INTERNAL_ERROR'));
    a.node.gossip.publish('attestations', pattern(65, 0));
    await waitFor(() => atB.some((message) => message.length === 65));
  });

  it('reports a handler that throws as the failure of the node', async () => {
    await using b = await startNode();
    b.node.gossip.subscribe(
      'seals',
      () => ACCEPT,
      () => {
        throw new TypeError('a broken subscriber');
      },
    );
    await using a = await startNode({ bootstrap: [b.address] });
    const published = setInterval(() => a.node.gossip.publish('seals', pattern(64, Math.random() * 2 ** 32)), 20);
    try {
      await expect(b.node.failed).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    } finally {
      clearInterval(published);
    }
  });

  it('counts a message published while the network is down as dropped', async () => {
    const a = await startNode();
    await a.node.stop();
    a.node.gossip.publish('seals', pattern(64, 1));
    expect(a.metrics.dropped).toEqual([['seals', 64]]);
    await a.node.stop();
  });
});
