import type { Stream } from '@libp2p/interface';
import { describe, expect, it } from 'vitest';
import {
  MAX_BLOCK_ATTESTATIONS,
  MAX_RANGE_MINI_BLOCKS,
  OFFENCES_BEFORE_BAN,
  REQUEST_BURST,
} from '../../../src/network/network-limits.ts';
import type { PeerSource } from '../../../src/protocol/ports/network.ts';
import { type Bytes, concatBytes } from '../../../src/util/bytes.ts';
import { framed } from '../../support/raw-libp2p.ts';
import { waitFor } from '../../support/wait-for.ts';
import { EMPTY_SOURCE, pattern, startNode, type TestNode } from './network-fixture.ts';
import { PREFIX, startRawPeer } from './raw-peer.ts';

const RECORDS = 500;
const RECORD_BYTES = 20_000;

function chainSource(counters = { produced: 0 }): PeerSource {
  return {
    head: () => ({ epoch: 3, number: RECORDS, digest: new Uint8Array(32).fill(9) }),
    range: async function* (from, limit) {
      for (let number = from; number < from + limit && number <= RECORDS; number++) {
        counters.produced++;
        yield pattern(RECORD_BYTES, number);
      }
    },
    witness: async (blockNumber) => (blockNumber === 7 ? pattern(1_000_000, 7) : undefined),
  };
}

/** A node whose peers are identified: it knows what they serve. */
async function startReader(addresses: readonly string[]): Promise<TestNode> {
  const reader = await startNode({ bootstrap: addresses });
  await waitFor(() => reader.node.peerCount() === addresses.length);
  return reader;
}

async function take(records: AsyncIterable<Bytes>, max = Number.POSITIVE_INFINITY): Promise<Bytes[]> {
  const taken: Bytes[] = [];
  for await (const record of records) {
    taken.push(record);
    if (taken.length >= max) break;
  }
  return taken;
}

const seedOf = (record: Bytes | undefined): number => new DataView((record as Bytes).buffer).getUint32(0);

describe('reading from peers', () => {
  it('reads heads, a range of 10 MB and a witness', async () => {
    await using server = await startNode({ source: chainSource() });
    await using reader = await startReader([server.address]);
    const heads = await waitFor(async () => (await reader.node.peers.heads()).at(0));
    expect(heads).toEqual({ epoch: 3, number: RECORDS, digest: new Uint8Array(32).fill(9) });
    const records = await take(reader.node.peers.range(1, RECORDS));
    expect(records).toHaveLength(RECORDS);
    expect(records.map(seedOf)).toEqual(Array.from({ length: RECORDS }, (_, index) => index + 1));
    expect(Buffer.compare(records.at(-1) as Bytes, pattern(RECORD_BYTES, RECORDS))).toBe(0);
    expect(Buffer.compare(await reader.node.peers.witness(7), pattern(1_000_000, 7))).toBe(0);
  });

  it('reads the range of a quiet chain, where each mini-block comes with a seal and the word of many provers', async () => {
    const provers = 7;
    const tooMany = MAX_BLOCK_ATTESTATIONS + 10;
    const records = Array.from({ length: 40 }, (_, block) => [
      Uint8Array.of(1, block),
      Uint8Array.of(3, block),
      ...Array.from({ length: provers }, (_, prover) => Uint8Array.of(5, block, prover)),
    ]).flat();
    const range = async function* () {
      yield* records;
      for (let prover = 0; prover < tooMany; prover++) yield Uint8Array.of(5, 40, prover);
    };
    await using server = await startNode({ source: { ...chainSource(), range } });
    await using reader = await startReader([server.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 1);
    const read = await take(reader.node.peers.range(1, 40));
    expect(read).toHaveLength(records.length + MAX_BLOCK_ATTESTATIONS - provers);
    expect(reader.events.filter(({ kind }) => kind === 'offence' || kind === 'failure')).toEqual([]);
  });

  it('makes the serving peer wait for a reader that takes its time, and stop when the reader does', async () => {
    const counters = { produced: 0 };
    await using server = await startNode({ source: chainSource(counters) });
    await using reader = await startReader([server.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 1);
    const iterator = reader.node.peers.range(1, RECORDS)[Symbol.asyncIterator]();
    await iterator.next();
    let settled = -1;
    await waitFor(
      () => {
        const before = settled;
        settled = counters.produced;
        return before === settled;
      },
      { what: 'the server stops producing' },
    );
    // What is produced lies in the windows and socket buffers between source and reader, a part of the 10 MB.
    expect(counters.produced).toBeLessThan(RECORDS * 0.8);
    const rest: number[] = [];
    for (let i = 0; i < 300; i++) rest.push(seedOf((await iterator.next()).value));
    expect(rest).toEqual(Array.from({ length: 300 }, (_, index) => index + 2));
    await iterator.return?.();
  });

  it('answers with nothing above the head, and with an error when nobody keeps the range', async () => {
    await using server = await startNode({ source: chainSource() });
    await using empty = await startNode({
      source: { ...EMPTY_SOURCE, head: () => ({ epoch: 0, number: 10_000, digest: new Uint8Array(32) }) },
    });
    await using reader = await startReader([server.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 1);
    expect(await take(reader.node.peers.range(RECORDS + 1, 10))).toEqual([]);
    await expect(reader.node.peers.witness(8)).rejects.toMatchObject({ code: 'NO_PEER_HAS_WITNESS' });
    await using other = await startReader([empty.address]);
    await waitFor(async () => (await other.node.peers.heads()).length === 1);
    await expect(take(other.node.peers.range(1, 10))).rejects.toMatchObject({ code: 'NO_PEER_HAS_RANGE' });
    await using alone = await startNode();
    await expect(take(alone.node.peers.range(1, 10))).rejects.toMatchObject({ code: 'NO_PEER_HAS_RANGE' });
  });

  it('caps how much one request may ask for', async () => {
    let asked = 0;
    const source: PeerSource = {
      ...chainSource(),
      range: async function* (_from, limit) {
        asked = limit;
        yield pattern(100, 1);
      },
    };
    await using server = await startNode({ source });
    await using reader = await startReader([server.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 1);
    await take(reader.node.peers.range(1, 1_000_000));
    expect(asked).toBe(MAX_RANGE_MINI_BLOCKS);
  });

  it('asks the next peer when one fails, and asks the failed one last from then on', async () => {
    const asked: string[] = [];
    const broken: PeerSource = {
      ...chainSource(),
      range: () => {
        asked.push('broken');
        throw new TypeError('a disk error');
      },
    };
    const sound: PeerSource = {
      ...chainSource(),
      range: async function* () {
        asked.push('sound');
        yield pattern(100, 1);
      },
    };
    await using a = await startNode({ source: broken });
    await using b = await startNode({ source: sound });
    await using reader = await startReader([a.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 1);
    await using late = await startNode({ source: sound, bootstrap: [reader.address] });
    await waitFor(async () => (await reader.node.peers.heads()).length === 2);
    expect(await take(reader.node.peers.range(1, 1))).toHaveLength(1);
    expect(asked).toEqual(['broken', 'sound']);
    expect(await take(reader.node.peers.range(1, 1))).toHaveLength(1);
    expect(asked).toEqual(['broken', 'sound', 'sound']);
    expect(late.node.peerCount() + b.node.peerCount()).toBe(1);
  });

  it('asks peers in turn: one whose answers are of no use does not keep the others out', async () => {
    const asked: string[] = [];
    const named = (name: string): PeerSource => ({
      ...chainSource(),
      range: async function* () {
        asked.push(name);
        yield pattern(100, 1);
      },
      witness: async () => {
        asked.push(name);
        return pattern(100, 1);
      },
    });
    await using a = await startNode({ source: named('a') });
    await using b = await startNode({ source: named('b') });
    await using reader = await startReader([a.address, b.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 2);
    for (let i = 0; i < 4; i++) await take(reader.node.peers.range(1, 1));
    for (let i = 0; i < 4; i++) await reader.node.peers.witness(1);
    const [first, second] = asked;
    expect(asked).toEqual([first, second, first, second, first, second, first, second]);
    expect(first).not.toBe(second);
  });
});

describe('hostile answers', () => {
  const answers: Record<string, (stream: Stream) => void> = {
    'a frame above the limit': (stream) =>
      stream.send(concatBytes(framed(Uint8Array.of(0)), framed(pattern(100, 1), 0xffff_ffff))),
    'an unknown answer': (stream) => stream.send(framed(Uint8Array.of(77))),
    'an answer that ends inside a frame': (stream) => {
      stream.send(concatBytes(framed(Uint8Array.of(0)), framed(pattern(100, 1), 200)));
      void stream.close();
    },
    'more records than were asked for': (stream) => {
      stream.send(framed(Uint8Array.of(0)));
      for (let i = 0; i < 100; i++) stream.send(framed(pattern(10, i)));
    },
  };

  it.each(Object.entries(answers))('%s fails the read and counts against the peer', async (_name, answer) => {
    await using hostile = await startRawPeer({ range: answer });
    await using reader = await startReader([hostile.address]);
    // Until the peer is identified there is nobody to ask, which is no offence.
    await waitFor(async () => {
      await expect(take(reader.node.peers.range(1, 5))).rejects.toMatchObject({ code: 'NO_PEER_HAS_RANGE' });
      return reader.events.some((event) => event.kind === 'offence' && event.code === 'PROTOCOL_VIOLATION');
    });
  });
});

const HEAD = `${PREFIX}/head/1`;
const RANGE = `${PREFIX}/range/1`;

describe('hostile requests', () => {
  const requests: Record<string, Bytes> = {
    'a frame above the limit': framed(new Uint8Array(8), 0x7fff_ffff),
    'a request of the wrong length': framed(new Uint8Array(5)),
    'a number above 2^53': framed(new Uint8Array(12).fill(0xff)),
  };

  it.each(Object.entries(requests))('%s resets the stream and counts against the peer', async (_name, request) => {
    await using server = await startNode({ source: chainSource() });
    await using hostile = await startRawPeer();
    const connection = await hostile.dial(server.address);
    await waitFor(() => server.node.peerCount() === 1);
    for (let i = 0; i < OFFENCES_BEFORE_BAN; i++) {
      const stream = await connection.newStream(RANGE);
      stream.send(request);
      expect(await wasCut(stream)).toBe(true);
    }
    await waitFor(() => server.events.some((event) => event.kind === 'offence' && event.banned));
    await waitFor(() => server.node.peerCount() === 0);
    await expect(hostile.dial(server.address).then((again) => again.newStream(RANGE))).rejects.toThrow();
  });

  it('counts no offence against a peer that has had enough of our requests', async () => {
    await using server = await startNode({ source: chainSource() });
    await using reader = await startReader([server.address]);
    await waitFor(async () => (await reader.node.peers.heads()).length === 1);
    let refused = 0;
    for (let i = 0; i < 2 * REQUEST_BURST; i++) if ((await reader.node.peers.heads()).length === 0) refused++;
    expect(refused).toBeGreaterThan(0);
    expect(reader.events.filter(({ kind }) => kind === 'offence')).toEqual([]);
    expect(reader.node.peerCount()).toBe(1);
  });

  it('refuses requests beyond the allowance of a peer', async () => {
    await using server = await startNode({ source: chainSource() });
    await using hostile = await startRawPeer();
    const connection = await hostile.dial(server.address);
    let refused = 0;
    for (let i = 0; i < 2 * REQUEST_BURST; i++) {
      const stream = await connection.newStream(HEAD);
      stream.addEventListener('message', () => {});
      stream.close().catch(() => {});
      if (await wasCut(stream)) refused++;
    }
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(REQUEST_BURST);
    expect(server.node.peerCount()).toBe(1);
  });
});

/** Waits for the end of a stream: true when it was reset rather than closed. */
async function wasCut(stream: Stream): Promise<boolean> {
  if (stream.status === 'open') {
    await new Promise<void>((resolve) => stream.addEventListener('close', () => resolve(), { once: true }));
  }
  return stream.status === 'reset' || stream.status === 'aborted';
}

describe('two nodes that have each other as bootstrap peers', () => {
  it('read from each other and forward, whichever of their connections stays', async () => {
    const first = await startNode({ source: chainSource() });
    await using second = await startNode({ source: chainSource(), bootstrap: [first.address] });
    await first.node.stop();
    await using again = await startNode({
      source: chainSource(),
      listen: [first.address.slice(0, first.address.indexOf('/p2p/'))],
      bootstrap: [second.address],
    });
    await waitFor(async () => (await again.node.peers.heads()).length === 1);
    expect(await take(again.node.peers.range(1, 3))).toHaveLength(3);
    expect(second.node.peerCount()).toBe(1);
  });
});
