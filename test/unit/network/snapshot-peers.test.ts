import type { Stream } from '@libp2p/interface';
import { expect, test } from 'vitest';
import { MAX_SNAPSHOT_OFFERS } from '../../../src/network/network-limits.ts';
import { encodeLogFirst, encodeOffer } from '../../../src/network/peer-protocols.ts';
import { MAX_SYNC_CHUNK_BYTES } from '../../../src/protocol/limits.ts';
import type { PeerOffers, SnapshotOffer, SnapshotSource } from '../../../src/protocol/ports/network.ts';
import { concatBytes } from '../../../src/util/bytes.ts';
import { waitFor } from '../../support/wait-for.ts';
import { EMPTY_SOURCE, pattern, startNode, type TestNode } from './network-fixture.ts';
import { framed, startRawPeer } from './raw-peer.ts';

const DIGEST = pattern(32, 1);
const CHUNK_BYTES = 1_000_000;
const OFFER: SnapshotOffer = {
  blockNumber: 9,
  blockHash: pattern(32, 2),
  contentDigest: DIGEST,
  manifestBytes: 600_000,
  attestations: [pattern(300, 3), pattern(300, 4)],
};

const snapshots: SnapshotSource = {
  offers: async () => ({ logFirst: 5, snapshots: Array.from({ length: MAX_SNAPSHOT_OFFERS + 1 }, () => OFFER) }),
  manifest: async (digest) => (Buffer.compare(digest, DIGEST) === 0 ? pattern(600_000, 5) : undefined),
  chunk: async (_, index) => (index < 200 ? pattern(CHUNK_BYTES, index) : undefined),
};

/** Offers of a peer that plays by hand. */
const offers = (stream: Stream): void => {
  stream.send(concatBytes(framed(encodeLogFirst(undefined)), framed(encodeOffer(OFFER))));
  void stream.close();
};

/** A node that knows what its peer offers. */
async function readerOf(address: string): Promise<{ reader: TestNode; offers: PeerOffers }> {
  const reader = await startNode({ bootstrap: [address] });
  const offers = await waitFor(async () => (await reader.node.snapshots.offers())[0]);
  return { reader, offers };
}

test('offers, manifest and chunks come as the peer has them', async () => {
  await using server = await startNode({ source: { ...EMPTY_SOURCE, snapshots } });
  const { reader, offers } = await readerOf(server.address);
  await using _ = reader;
  expect(offers).toMatchObject({ logFirst: 5 });
  expect(offers.snapshots).toEqual(Array.from({ length: MAX_SNAPSHOT_OFFERS }, () => OFFER));
  const { peer } = offers;
  const peers = reader.node.snapshots;
  expect(Buffer.compare(await peers.manifest(peer, DIGEST, 600_000), pattern(600_000, 5))).toBe(0);
  const chunks = await Promise.all([0, 1, 2].map((index) => peers.chunk(peer, DIGEST, index, CHUNK_BYTES)));
  for (const [index, chunk] of chunks.entries()) expect(Buffer.compare(chunk, pattern(CHUNK_BYTES, index))).toBe(0);
  await expect(peers.chunk(peer, DIGEST, 200, 10)).rejects.toMatchObject({ code: 'NOT_KEPT' });
  await expect(peers.manifest(peer, pattern(32, 9), 10)).rejects.toMatchObject({ code: 'NOT_KEPT' });
  await expect(peers.chunk(peer, DIGEST, 0, MAX_SYNC_CHUNK_BYTES + 1)).rejects.toMatchObject({ code: 'NOT_KEPT' });
  await expect(peers.chunk('nobody', DIGEST, 0, 10)).rejects.toMatchObject({ code: 'STREAM_FAILED' });
  expect(reader.events.filter(({ kind }) => kind === 'offence')).toEqual([]);
});

test('a node without snapshots says so', async () => {
  await using server = await startNode();
  const { reader, offers } = await readerOf(server.address);
  await using _ = reader;
  expect(offers).toMatchObject({ logFirst: undefined, snapshots: [] });
  await expect(reader.node.snapshots.chunk(offers.peer, DIGEST, 0, 10)).rejects.toMatchObject({ code: 'NOT_KEPT' });
});

test('a peer that has sent its share for now is no offender', async () => {
  const chunk = (stream: Stream) => {
    stream.send(framed(Uint8Array.of(3)));
    void stream.close();
  };
  await using busy = await startRawPeer({ offers, chunk });
  const { reader, offers: known } = await readerOf(busy.address);
  await using _ = reader;
  await expect(reader.node.snapshots.chunk(known.peer, DIGEST, 0, 100)).rejects.toMatchObject({ code: 'PEER_BUSY' });
  expect(reader.events.filter(({ kind }) => kind === 'offence')).toEqual([]);
});

const answered = framed(Uint8Array.of(0));
const answers: Record<string, (stream: Stream) => void> = {
  'a chunk that is too long': (stream) => stream.send(concatBytes(answered, framed(pattern(101, 1)))),
  'a chunk that is too short': (stream) => {
    stream.send(concatBytes(answered, framed(pattern(99, 1))));
    void stream.close();
  },
  'an answer of another kind': (stream) => stream.send(framed(Uint8Array.of(1))),
};

test.each(Object.entries(answers))('%s fails the request and counts against the peer', async (_name, chunk) => {
  await using hostile = await startRawPeer({ offers, chunk });
  const { reader, offers: known } = await readerOf(hostile.address);
  await using _ = reader;
  await expect(reader.node.snapshots.chunk(known.peer, DIGEST, 0, 100)).rejects.toMatchObject({ code: 'PROTOCOL_VIOLATION' });
  await waitFor(() => reader.events.some((event) => event.kind === 'offence' && event.code === 'PROTOCOL_VIOLATION'));
});

test('too many offers, and what is no offer, count against the peer', async () => {
  const tooMany = Array.from({ length: MAX_SNAPSHOT_OFFERS + 1 }, () => framed(encodeOffer(OFFER)));
  for (const frames of [tooMany, [framed(pattern(50, 1))]]) {
    await using hostile = await startRawPeer({
      offers: (stream) => {
        stream.send(concatBytes(framed(encodeLogFirst(3)), ...frames));
        void stream.close();
      },
    });
    await using reader = await startNode({ bootstrap: [hostile.address] });
    await waitFor(async () => {
      expect(await reader.node.snapshots.offers()).toEqual([]);
      return reader.events.some((event) => event.kind === 'offence' && event.code === 'PROTOCOL_VIOLATION');
    });
  }
});

test('a report counts as an offence', async () => {
  await using server = await startNode({ source: { ...EMPTY_SOURCE, snapshots } });
  const { reader, offers } = await readerOf(server.address);
  await using _ = reader;
  reader.node.snapshots.report(offers.peer, 'FALSE_CHUNK');
  await waitFor(() => reader.events.some((event) => event.kind === 'offence' && event.code === 'FALSE_CHUNK'));
});
