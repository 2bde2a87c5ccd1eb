import type { Connection, Libp2p, PeerId } from '@libp2p/interface';
import { expect, test } from 'vitest';
import { PeerSet } from '../../../src/network/peer-set.ts';

interface Topology {
  readonly onConnect: (peer: PeerId) => void;
  readonly onDisconnect: (peer: PeerId) => void;
}

/** Peers that come and go by name. */
class FakeLibp2p {
  readonly #connections = new Map<string, Connection>();
  #topology: Topology | undefined;

  async register(_protocol: string, topology: Topology): Promise<void> {
    this.#topology = topology;
  }

  getConnections(peer: PeerId): Connection[] {
    const connection = this.#connections.get(peer.toString());
    return connection === undefined ? [] : [connection];
  }

  connect(name: string, direction: 'inbound' | 'outbound' = 'inbound'): Connection {
    const remotePeer = { toString: () => name } as PeerId;
    const connection = { remotePeer, direction, status: 'open' } as Connection;
    this.#connections.set(name, connection);
    this.#topology?.onConnect(remotePeer);
    return connection;
  }

  disconnect({ remotePeer }: Connection): void {
    this.#connections.delete(remotePeer.toString());
    this.#topology?.onDisconnect(remotePeer);
  }
}

async function createSet() {
  const libp2p = new FakeLibp2p();
  const set = new PeerSet(libp2p as unknown as Libp2p);
  await set.watch('/range');
  return { libp2p, set, order: () => set.inOrder().map(({ remotePeer }) => remotePeer.toString()) };
}

test('of peers that nobody has asked yet, those that this node dialled come first', async () => {
  const { libp2p, order } = await createSet();
  for (const name of ['sybil-1', 'sybil-2']) libp2p.connect(name);
  libp2p.connect('configured', 'outbound');
  expect(order()).toEqual(['configured', 'sybil-1', 'sybil-2']);
});

test('behind the one whose turn it is stand those that were of use', async () => {
  const { libp2p, set, order } = await createSet();
  const good = libp2p.connect('good');
  for (const name of ['a', 'b', 'c']) libp2p.connect(name);
  set.noteServed(good);
  expect(order()).toEqual(['a', 'good', 'b', 'c']);
});

test('a peer that goes on failing is asked ever more rarely', async () => {
  const { libp2p, set, order } = await createSet();
  const good = libp2p.connect('good');
  const bad = libp2p.connect('bad');
  const turnsUntilAsked = (): number => {
    let turns = 0;
    for (; order()[0] !== 'bad'; turns++) set.noteServed(good);
    return turns;
  };
  const waits = [1, 2, 3, 4, 5, 6, 7, 8, 9].map((failures) => {
    set.noteFailure(bad, failures);
    return turnsUntilAsked();
  });
  expect(waits).toEqual([...waits].sort((a, b) => a - b));
  expect(waits[0]).toBeLessThan(12);
  expect(waits.at(-1)).toBeGreaterThan(500);
  expect(waits.at(-1)).toBeLessThan(520);
});

test('a new connection is no new chance, and a new name is at the end of the queue', async () => {
  const { libp2p, set, order } = await createSet();
  const good = libp2p.connect('good');
  const bad = libp2p.connect('bad');
  set.noteServed(good);
  set.noteFailure(bad, 1);
  libp2p.disconnect(bad);
  libp2p.connect('bad');
  libp2p.connect('newcomer');
  expect(order()).toEqual(['good', 'newcomer', 'bad']);
});
