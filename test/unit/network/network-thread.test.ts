import { describe, expect, it } from 'vitest';
import { createIdentity } from '../../../src/network/identity.ts';
import { NetworkNode } from '../../../src/network/network-node.ts';
import { createThreadedNetworkNode, openNetworkThread } from '../../../src/network/network-thread.ts';
import type { PooledBytes } from '../../../src/protocol/ports/pool.ts';
import { ACCEPT } from '../../../src/protocol/verdict.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { waitFor } from '../../support/wait-for.ts';
import { collect, EMPTY_SOURCE, gossipReady, IDENTITY, LOOPBACK, pattern, startNode } from './network-fixture.ts';

describe('a network node in a thread of its own', () => {
  it('gossips, serves, reads and forwards like the one on the calling thread', async () => {
    const kept = pattern(300_000, 3);
    await using a = await startNode({
      create: createThreadedNetworkNode,
      source: {
        head: () => ({ epoch: 1, number: 40, digest: new Uint8Array(32).fill(4) }),
        range: async function* (from, limit) {
          for (let number = from; number < from + limit; number++) yield pattern(100_000, number);
        },
        witness: async () => kept,
      },
      sequencer: {
        submit: async (raw) => keccak256(raw),
        pendingNonce: async () => 2n ** 63n,
        pooledTransaction: async () => undefined,
        poolCounts: async () => ({ pending: 2, queued: 1 }),
        poolPage: async (from) => ({ entries: [], next: from === 0 ? undefined : from }),
        subscribePending: (listener) => {
          listener({ raw: kept.subarray(5, 5_000), sender: new Uint8Array(20).fill(9) });
          return () => {};
        },
      },
    });
    await using b = await startNode({ create: createThreadedNetworkNode, bootstrap: [a.address] });
    const atB = collect(b.node, 'mini-blocks');
    await gossipReady(a.node, 'mini-blocks', atB);
    const message = pattern(200_000, 1);
    a.node.gossip.publish('mini-blocks', message);
    // Sent again at once from the same memory: what was handed over must not change under way.
    const copy = new Uint8Array(message);
    message.fill(0);
    await waitFor(() => atB.some((received) => received.length === 200_000));
    expect(Buffer.compare(atB.at(-1) as Uint8Array, copy)).toBe(0);
    expect(b.metrics.received.at(-1)).toEqual(['mini-blocks', 200_000, ACCEPT]);

    const head = await waitFor(async () => (await b.node.peers.heads())[0]);
    expect(head).toEqual({ epoch: 1, number: 40, digest: new Uint8Array(32).fill(4) });
    const records: number[] = [];
    for await (const record of b.node.peers.range(1, 30)) records.push(new DataView(record.buffer).getUint32(0));
    expect(records).toEqual(Array.from({ length: 30 }, (_, index) => index + 1));
    expect(Buffer.compare(await b.node.peers.witness(1), kept)).toBe(0);
    expect(
      await waitFor(() => b.node.sequencerLink.submit(kept.slice(0, 100), { requireReady: false }).catch(() => undefined)),
    ).toEqual(keccak256(kept.slice(0, 100)));
    expect(await b.node.sequencerLink.pendingNonce(new Uint8Array(20))).toBe(2n ** 63n);
    const pending = await new Promise<PooledBytes>((resolve) => b.node.sequencerLink.subscribePending(resolve));
    expect(pending.sender).toEqual(new Uint8Array(20).fill(9));
    expect(Buffer.compare(pending.raw, kept.subarray(5, 5_000))).toBe(0);
  });

  it.each([
    ['throws', 'throw new TypeError("a bug in the thread")', /a bug in the thread/],
    ['exits', 'process.exit(3)', /ended with 3/],
  ])('fails visibly when the thread %s, and stops cleanly after', async (_what, script, message) => {
    const { privateKey } = await createIdentity();
    const dying = new URL(`data:text/javascript,${encodeURIComponent(script)}`);
    const node = new NetworkNode(
      { identity: IDENTITY, privateKey, listen: [LOOPBACK], bootstrap: [] },
      { source: EMPTY_SOURCE },
      (options) => openNetworkThread(options, dying),
    );
    const failure = { code: 'NETWORK_THREAD_FAILED', message: expect.stringMatching(message) };
    await expect(node.start()).rejects.toMatchObject(failure);
    await expect(node.failed).rejects.toMatchObject(failure);
    await node.stop();
    await expect(node.peers.heads()).rejects.toMatchObject({ code: 'NETWORK_STOPPED' });
  });

  it('refuses to start where it cannot listen', async () => {
    await using a = await startNode();
    const taken = a.address.slice(0, a.address.indexOf('/p2p/'));
    await expect(startNode({ create: createThreadedNetworkNode, listen: [taken] })).rejects.toMatchObject({
      code: 'NETWORK_LISTEN_FAILED',
    });
    expect(LOOPBACK).not.toBe(taken);
  });
});
