import type { Stream } from '@libp2p/interface';
import { describe, expect, it } from 'vitest';
import { waitFor } from '../../support/wait-for.ts';
import { pattern, startNode } from './network-fixture.ts';
import { PREFIX, startRawPeer } from './raw-peer.ts';

describe('peers that gossip cannot be served to', () => {
  it('disconnects a peer that stops reading, instead of buffering for it, and keeps serving the others', async () => {
    await using publisher = await startNode();
    await using fast = await startNode({ bootstrap: [publisher.address] });
    let received = 0;
    fast.node.gossip.subscribe(
      'mini-blocks',
      () => ({ kind: 'accept' }),
      () => received++,
    );
    await using slow = await startRawPeer();
    slow.libp2p.services.pubsub.subscribe(`${PREFIX}/mini-blocks`);
    await slow.dial(publisher.address);
    const streams = (slow.libp2p.services.pubsub as unknown as { streamsInbound: Map<string, { rawStream: Stream }> })
      .streamsInbound;
    const stalled = await waitFor(() => [...streams.values()][0]?.rawStream, { what: 'the gossip stream opens' });
    stalled.pause();
    await waitFor(() => publisher.node.peerCount() === 2);

    // More than the backlog, the windows and the socket buffers hold together, in steps that the fast peer follows.
    let published = 0;
    await waitFor(
      () => {
        if (received >= published - 4) publisher.node.gossip.publish('mini-blocks', pattern(1_000_000, published++));
        return publisher.events.some((event) => event.kind === 'dropped');
      },
      { timeoutMs: 15_000, what: 'the slow peer is dropped' },
    );
    expect(publisher.events.find((event) => event.kind === 'dropped')).toMatchObject({ peer: slow.id });
    await waitFor(() => publisher.node.peerCount() === 1);
    const before = received;
    publisher.node.gossip.publish('mini-blocks', pattern(1_000_000, published));
    await waitFor(() => received > before);
  });

  it('disconnects a peer that sends a frame above the limit', async () => {
    await using node = await startNode();
    node.node.gossip.subscribe(
      'seals',
      () => ({ kind: 'accept' }),
      () => {},
    );
    await using hostile = await startRawPeer();
    hostile.libp2p.services.pubsub.subscribe(`${PREFIX}/seals`);
    await hostile.dial(node.address);
    const streams = (hostile.libp2p.services.pubsub as unknown as { streamsOutbound: Map<string, { rawStream: Stream }> })
      .streamsOutbound;
    const outbound = await waitFor(() => [...streams.values()][0]?.rawStream, { what: 'the gossip stream opens' });
    await waitFor(() => hostile.libp2p.services.pubsub.getSubscribers(`${PREFIX}/seals`).length === 1);
    // A varint length of 16 MiB.
    outbound.send(Uint8Array.of(0x80, 0x80, 0x80, 0x08));
    outbound.send(new Uint8Array(64));
    await waitFor(() => node.events.some((event) => event.kind === 'dropped'), { what: 'the peer is dropped' });
    await waitFor(() => node.node.peerCount() === 0);
  });

  it('bans a peer that floods a topic which this node never joined', async () => {
    await using node = await startNode();
    await using hostile = await startRawPeer();
    await hostile.dial(node.address);
    const pubsub = hostile.libp2p.services.pubsub as unknown as {
      streamsOutbound: Map<string, unknown>;
      topics: Map<string, Set<string>>;
    };
    await waitFor(() => pubsub.streamsOutbound.size === 1);
    const topic = `${PREFIX}/witnesses`;
    pubsub.topics.set(topic, new Set([...pubsub.streamsOutbound.keys()]));
    for (let i = 0; i < 10; i++) await hostile.libp2p.services.pubsub.publish(topic, pattern(100, i));
    await waitFor(() => node.events.some((event) => event.kind === 'offence' && event.code === 'NOT_SUBSCRIBED' && event.banned));
    await waitFor(() => node.node.peerCount() === 0);
  });
});
