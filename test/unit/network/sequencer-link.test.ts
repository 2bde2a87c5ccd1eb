import { describe, expect, it } from 'vitest';
import { createIdentity } from '../../../src/network/identity.ts';
import { MAX_LINK_REQUESTS, MAX_SERVED_LINK_REQUESTS, POOL_LISTING_BURST } from '../../../src/network/network-limits.ts';
import type { NetworkNode } from '../../../src/network/network-node.ts';
import { MAX_TRANSACTION_BYTES } from '../../../src/protocol/limits.ts';
import { poolError } from '../../../src/protocol/pool-errors.ts';
import type { SequencerService } from '../../../src/protocol/ports/network.ts';
import { isStrobeError, StrobeError } from '../../../src/util/errors.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { framed } from '../../support/raw-libp2p.ts';
import { waitFor } from '../../support/wait-for.ts';
import { pattern, startNode } from './network-fixture.ts';
import { PREFIX, startRawPeer } from './raw-peer.ts';

const ADDRESS = new Uint8Array(20).fill(1);
const HASH = new Uint8Array(32).fill(2);

const service = (overrides: Partial<SequencerService> = {}): SequencerService => ({
  submit: async (raw) => keccak256(raw),
  pendingNonce: async () => 41n,
  pooledTransaction: async (hash) => (hash[0] === 2 ? pattern(100_000, 5) : undefined),
  poolCounts: async () => ({ pending: 7, queued: 1 }),
  poolPage: async () => ({ entries: [], next: undefined }),
  subscribePending: () => () => {},
  ...overrides,
});

const codeOf = (request: Promise<unknown>): Promise<string> =>
  request.then(
    () => 'no error',
    (error: unknown) => (isStrobeError(error) ? error.code : 'a foreign error'),
  );

const linkUp = (node: NetworkNode): Promise<boolean> =>
  waitFor(async () => (await codeOf(node.sequencerLink.pendingNonce(ADDRESS))) === 'no error', { what: 'the link is up' });

describe('the link to the sequencer', () => {
  it('forwards what replicas ask, thousands at a time, each with its own answer', async () => {
    await using sequencer = await startNode({ sequencer: service() });
    await using replica = await startNode({ bootstrap: [sequencer.address] });
    await linkUp(replica.node);
    expect(await replica.node.sequencerLink.pendingNonce(ADDRESS)).toBe(41n);
    const pooled = await replica.node.sequencerLink.pooledTransaction(HASH);
    expect(Buffer.compare(pooled ?? new Uint8Array(), pattern(100_000, 5))).toBe(0);
    expect(await replica.node.sequencerLink.pooledTransaction(new Uint8Array(32))).toBeUndefined();
    const raws = Array.from({ length: 3 * MAX_SERVED_LINK_REQUESTS }, (_, index) => pattern(120, index));
    const hashes = await Promise.all(raws.map((raw) => replica.node.sequencerLink.submit(raw, { requireReady: false })));
    expect(hashes.every((hash, index) => Buffer.compare(hash, keccak256(raws[index] as Uint8Array)) === 0)).toBe(true);
    const full = pattern(MAX_TRANSACTION_BYTES, 1);
    expect(await replica.node.sequencerLink.submit(full, { requireReady: true })).toEqual(keccak256(full));
  });

  it('reads the pool in pages, so many a second for all replicas together', async () => {
    const page = { entries: [{ raw: pattern(100, 1), sender: ADDRESS, isQueued: true }], next: 9 };
    const asked: [number, Uint8Array | undefined][] = [];
    const poolPage: SequencerService['poolPage'] = async (...request) => {
      asked.push(request);
      return page;
    };
    await using sequencer = await startNode({ sequencer: service({ poolPage }) });
    await using replica = await startNode({ bootstrap: [sequencer.address] });
    await linkUp(replica.node);
    const link = replica.node.sequencerLink;
    expect(await link.poolCounts()).toEqual({ pending: 7, queued: 1 });
    expect(await link.poolPage(3, undefined)).toEqual(page);
    expect(await link.poolPage(4, ADDRESS)).toEqual(page);
    expect(asked).toEqual([
      [3, undefined],
      [4, ADDRESS],
    ]);
    expect(await codeOf(link.poolPage(9, undefined))).toBe('PROTOCOL_VIOLATION');
    const counts = await Promise.all(Array.from({ length: 2 * POOL_LISTING_BURST }, () => codeOf(link.poolCounts())));
    expect(counts).toContain('SEQUENCER_LINK_BUSY');
    expect(await link.pendingNonce(ADDRESS)).toBe(41n);
  });

  it('keeps the code, message and metadata of an error, and hides what was not meant for others', async () => {
    const submit: SequencerService['submit'] = async (_raw, { requireReady }) => {
      if (requireReady) throw poolError('NONCE_TOO_LOW', 'nonce too low: next 5, tx 3', { next: 5 });
      throw new TypeError('connection string with a password');
    };
    await using sequencer = await startNode({ sequencer: service({ submit }) });
    await using replica = await startNode({ bootstrap: [sequencer.address] });
    await linkUp(replica.node);
    const refused = await replica.node.sequencerLink.submit(HASH, { requireReady: true }).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(StrobeError);
    expect(refused).toMatchObject({ code: 'NONCE_TOO_LOW', message: 'nonce too low: next 5, tx 3', meta: { next: 5 } });
    const failed = await replica.node.sequencerLink.submit(HASH, { requireReady: false }).catch((error: unknown) => error);
    expect(failed).toMatchObject({ code: 'INTERNAL_ERROR' });
    expect((failed as StrobeError).message).not.toContain('password');
    const tooLarge = replica.node.sequencerLink.submit(new Uint8Array(MAX_TRANSACTION_BYTES + 1), { requireReady: false });
    expect(await codeOf(tooLarge)).toBe('TRANSACTION_TOO_LARGE');
    expect(await codeOf(replica.node.sequencerLink.pendingNonce(ADDRESS))).toBe('no error');
  });

  it('fails what is under way when the sequencer goes, and works again when it returns', async () => {
    const { privateKey, peerId } = await createIdentity();
    const hanging = service({ submit: () => new Promise(() => {}) });
    const first = await startNode({ privateKey, sequencer: hanging });
    const address = first.address;
    await using replica = await startNode({ bootstrap: [address], sequencerPeer: peerId });
    await linkUp(replica.node);
    const underWay = codeOf(replica.node.sequencerLink.submit(HASH, { requireReady: false }));
    await first.node.stop();
    expect(await underWay).toBe('SEQUENCER_UNREACHABLE');
    expect(await codeOf(replica.node.sequencerLink.pendingNonce(ADDRESS))).toBe('SEQUENCER_UNREACHABLE');
    await waitFor(() => replica.events.some((event) => event.kind === 'dialFailed'));
    const listen = [address.slice(0, address.indexOf('/p2p/'))];
    await using second = await startNode({ privateKey, listen, sequencer: service() });
    const restartedAt = performance.now();
    await linkUp(replica.node);
    expect(performance.now() - restartedAt).toBeLessThan(2_000);
    expect(second.address).toBe(address);
    const links = replica.events.filter((event) => event.kind === 'sequencerLink').map((event) => event.up);
    expect(links).toEqual([true, false, true]);
  });

  it('connects to a sequencer that starts after the replica, by an address without a peer id', async () => {
    const probe = await startNode();
    const bare = probe.address.slice(0, probe.address.indexOf('/p2p/'));
    await probe.node.stop();
    await using replica = await startNode({ bootstrap: [bare] });
    await waitFor(() => replica.events.some((event) => event.kind === 'dialFailed'));
    expect(await codeOf(replica.node.sequencerLink.submit(HASH, { requireReady: false }))).toBe('SEQUENCER_UNREACHABLE');
    await using sequencer = await startNode({ listen: [bare], sequencer: service() });
    const startedAt = performance.now();
    await linkUp(replica.node);
    expect(performance.now() - startedAt).toBeLessThan(2_000);
    expect(sequencer.node.peerCount()).toBe(1);
  });

  it('does not believe a stranger that claims to be the sequencer', async () => {
    await using replica = await startNode();
    await using stranger = await startNode({ bootstrap: [replica.address], sequencer: service() });
    await waitFor(() => stranger.node.peerCount() === 1 && replica.node.peerCount() === 1);
    await waitFor(async () => (await replica.node.peers.heads()).length === 1);
    expect(await codeOf(replica.node.sequencerLink.submit(HASH, { requireReady: false }))).toBe('SEQUENCER_UNREACHABLE');
  });

  it('tells callers to come back when too many requests are under way', async () => {
    await using sequencer = await startNode({ sequencer: service({ submit: () => new Promise(() => {}) }) });
    await using replica = await startNode({ bootstrap: [sequencer.address] });
    await linkUp(replica.node);
    for (let i = 0; i < MAX_LINK_REQUESTS; i++) replica.node.sequencerLink.submit(HASH, { requireReady: false }).catch(() => {});
    expect(await codeOf(replica.node.sequencerLink.submit(HASH, { requireReady: false }))).toBe('SEQUENCER_LINK_BUSY');
  });

  it('is cut by a malformed request, and the offence counts', async () => {
    await using sequencer = await startNode({ sequencer: service() });
    await using hostile = await startRawPeer();
    const connection = await hostile.dial(sequencer.address);
    const offences = () => sequencer.events.filter((event) => event.kind === 'offence');
    for (const request of [
      Uint8Array.of(99, 0, 0, 0, 1),
      Uint8Array.of(3, 0, 0, 0, 1, 7),
      Uint8Array.of(16, 0, 0, 0, 1),
      Uint8Array.of(1),
    ]) {
      const before = offences().length;
      const stream = await connection.newStream(`${PREFIX}/sequencer/1`);
      stream.send(framed(request));
      await waitFor(() => offences().length > before);
      expect(offences().at(-1)).toMatchObject({ code: 'PROTOCOL_VIOLATION', peer: hostile.id });
    }
  });

  it('survives answers that nobody asked for, and drops the link on malformed ones', async () => {
    let streams = 0;
    await using hostile = await startRawPeer({
      sequencer: (stream) => {
        streams++;
        stream.send(framed(Uint8Array.of(16, 0, 0, 9, 9, 1)));
        stream.send(framed(Uint8Array.of(18, 0, 0, 0, 0, 0x7b)));
      },
    });
    await using replica = await startNode({ bootstrap: [hostile.address] });
    await waitFor(() => replica.events.some((event) => event.kind === 'offence' && event.code === 'PROTOCOL_VIOLATION'));
    expect(streams).toBeGreaterThan(0);
  });
});
