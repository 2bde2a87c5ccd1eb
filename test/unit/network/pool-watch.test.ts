import type { Stream } from '@libp2p/interface';
import { describe, expect, it } from 'vitest';
import { createIdentity } from '../../../src/network/identity.ts';
import { LINK_KIND } from '../../../src/network/link-frames.ts';
import { MAX_TRANSACTION_BYTES } from '../../../src/protocol/limits.ts';
import type { SequencerLink, SequencerService } from '../../../src/protocol/ports/network.ts';
import type { PooledBytes } from '../../../src/protocol/ports/pool.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { framed } from '../../support/raw-libp2p.ts';
import { waitFor } from '../../support/wait-for.ts';
import { pattern, startNode } from './network-fixture.ts';
import { PREFIX, startRawPeer } from './raw-peer.ts';

const SENDER = new Uint8Array(20).fill(7);

/** A pool that tests put transactions into. */
class TestPool {
  readonly #listeners = new Set<(pooled: PooledBytes) => void>();

  get watchers(): number {
    return this.#listeners.size;
  }

  add(raw: Uint8Array): void {
    for (const listener of this.#listeners) listener({ raw, sender: SENDER });
  }

  readonly service: SequencerService = {
    submit: async (raw) => keccak256(raw),
    pendingNonce: async () => 41n,
    pooledTransaction: async () => undefined,
    poolCounts: async () => ({ pending: 0, queued: 0 }),
    poolPage: async () => ({ entries: [], next: undefined }),
    subscribePending: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };
}

/** Watches and keeps what is shown. */
function watch(link: SequencerLink): { readonly seen: Uint8Array[]; readonly end: () => void } {
  const seen: Uint8Array[] = [];
  return { seen, end: link.subscribePending(({ raw }) => seen.push(raw)) };
}

const watchFrame = (flag: number): Uint8Array => framed(Uint8Array.of(LINK_KIND.watchPool, 0, 0, 0, 1, flag));

describe('new transactions on a replica', () => {
  it('are shown in order and whole, from the first subscriber to the last', async () => {
    const pool = new TestPool();
    await using sequencer = await startNode({ sequencer: pool.service });
    await using replica = await startNode({ bootstrap: [sequencer.address] });
    pool.add(pattern(50, 0));
    const first = watch(replica.node.sequencerLink);
    await waitFor(() => pool.watchers === 1);
    const second = watch(replica.node.sequencerLink);
    const raws = [pattern(100, 1), pattern(MAX_TRANSACTION_BYTES, 2), pattern(4, 3)];
    for (const raw of raws) pool.add(raw);
    await waitFor(() => second.seen.length === 3);
    expect(first.seen.map((raw) => Buffer.from(raw))).toEqual(raws.map((raw) => Buffer.from(raw)));
    first.end();
    first.end();
    pool.add(pattern(100, 4));
    await waitFor(() => second.seen.length === 4);
    expect(first.seen).toHaveLength(3);
    second.end();
    await waitFor(() => pool.watchers === 0, { what: 'the sequencer is not asked any more' });
    expect([sequencer.metrics.skipped, replica.metrics.skipped]).toEqual([0, 0]);
  });

  it('are shown again after the link was lost, and cost the sequencer one subscription for all replicas', async () => {
    const { privateKey, peerId } = await createIdentity();
    const pool = new TestPool();
    const first = await startNode({ privateKey, sequencer: pool.service });
    await using replica = await startNode({ bootstrap: [first.address], sequencerPeer: peerId });
    await using other = await startNode({ bootstrap: [first.address], sequencerPeer: peerId });
    const watches = [watch(replica.node.sequencerLink), watch(other.node.sequencerLink)];
    const shown = (): Promise<boolean> =>
      waitFor(() => {
        pool.add(pattern(64, 1));
        return watches.every(({ seen }) => seen.splice(0).length > 0);
      });
    await shown();
    expect(pool.watchers).toBe(1);
    await first.node.stop();
    expect(pool.watchers).toBe(0);
    const listen = [first.address.slice(0, first.address.indexOf('/p2p/'))];
    await using again = await startNode({ privateKey, listen, sequencer: pool.service });
    await shown();
    expect(pool.watchers).toBe(1);
    await replica.node.stop();
    await waitFor(() => again.node.peerCount() === 1);
    expect(pool.watchers).toBe(1);
    await other.node.stop();
    await waitFor(() => pool.watchers === 0, { what: 'a replica that left watches no more' });
  });

  it('are wanted by the time the network starts, too', async () => {
    const pool = new TestPool();
    await using sequencer = await startNode({ sequencer: pool.service });
    let seen: Uint8Array[] = [];
    await using replica = await startNode({
      bootstrap: [sequencer.address],
      beforeStart: (node) => {
        seen = watch(node.sequencerLink).seen;
      },
    });
    await waitFor(() => pool.watchers === 1);
    pool.add(pattern(64, 1));
    await waitFor(() => seen.length === 1);
    expect(replica.metrics.skipped).toBe(0);
  });

  it('are skipped and counted for a replica that does not read, which holds up nobody else', async () => {
    const pool = new TestPool();
    await using sequencer = await startNode({ sequencer: pool.service });
    await using replica = await startNode({ bootstrap: [sequencer.address] });
    await using slow = await startRawPeer();
    const { seen } = watch(replica.node.sequencerLink);
    await waitFor(() => pool.watchers === 1);
    const connection = await slow.dial(sequencer.address);
    const stream = await connection.newStream(`${PREFIX}/sequencer/1`);
    stream.send(watchFrame(1));
    stream.pause();
    let added = 0;
    await waitFor(
      () => {
        if (seen.length === added) pool.add(pattern(MAX_TRANSACTION_BYTES, added++));
        return sequencer.metrics.skipped > 0;
      },
      { what: 'the slow replica is skipped', pollMs: 1 },
    );
    expect(seen.length).toBeGreaterThanOrEqual(added - 1);
    expect(await replica.node.sequencerLink.pendingNonce(SENDER)).toBe(41n);
    expect(sequencer.events.filter(({ kind }) => kind === 'offence')).toEqual([]);
  });

  it('are dropped when nobody asked, and a malformed one costs the link', async () => {
    const pooled = (bytes: number): Uint8Array => framed(Uint8Array.of(LINK_KIND.pooled, 0, 0, 0, 0, ...new Uint8Array(bytes)));
    const streams: Stream[] = [];
    await using hostile = await startRawPeer({ sequencer: (stream) => void streams.push(stream) });
    await using replica = await startNode({ bootstrap: [hostile.address] });
    const stream = await waitFor(() => streams[0]);
    for (let i = 0; i < 100; i++) stream.send(pooled(120));
    stream.send(pooled(20));
    const offences = await waitFor(() => {
      const found = replica.events.filter((event) => event.kind === 'offence');
      return found.length > 0 ? found : undefined;
    });
    expect(offences).toEqual([expect.objectContaining({ code: 'PROTOCOL_VIOLATION', peer: hostile.id })]);
    expect(replica.metrics.skipped).toBe(0);
  });

  it.each([
    ['of no length', []],
    ['of two bytes', [1, 1]],
    ['that is neither yes nor no', [2]],
  ])('cannot be asked for with a wish %s', async (_what, body) => {
    await using sequencer = await startNode({ sequencer: new TestPool().service });
    await using hostile = await startRawPeer();
    const connection = await hostile.dial(sequencer.address);
    const stream = await connection.newStream(`${PREFIX}/sequencer/1`);
    stream.send(framed(Uint8Array.of(LINK_KIND.watchPool, 0, 0, 0, 1, ...body)));
    await waitFor(() => sequencer.events.some((event) => event.kind === 'offence' && event.code === 'PROTOCOL_VIOLATION'));
  });
});
