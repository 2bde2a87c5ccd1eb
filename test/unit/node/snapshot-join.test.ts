import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { BannedPeers } from '../../../src/fullnode/snapshot-sync/banned-peers.ts';
import { SnapshotJoin, type SnapshotJoinOptions } from '../../../src/fullnode/snapshot-sync/snapshot-join.ts';
import type { TakenSnapshot } from '../../../src/fullnode/snapshot-sync/snapshot-sync-types.ts';
import { FileSnapshotStaging } from '../../../src/node/snapshot-staging.ts';
import { assertTrustworthy } from '../../../src/node/snapshot-trust.ts';
import { decodeLogRecord } from '../../../src/protocol/log-record.ts';
import type { EpochStart } from '../../../src/protocol/sequencer-messages.ts';
import { withSnapshotFile } from '../../../src/store/snapshot/snapshot-file.ts';
import type { SnapshotPoint } from '../../../src/store/snapshot/snapshot-types.ts';
import { invariant, StrobeError } from '../../../src/util/errors.ts';
import { type ChainSnapshotOptions, writeChainSnapshot } from '../../support/chain-snapshot.ts';
import { FakeSnapshotPeers, garbles, type Misdeed, sourceOf, withholds } from '../../support/fake-snapshot-peers.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { waitFor } from '../../support/wait-for.ts';

const BLOCKS = 4;
/** Small, so that the state has many. */
const CHUNK_BYTES = 64;

/** A chain of which every block is attested by two of three provers. */
function buildChain(value = 1n): { readonly fixture: ReplicaFixture; readonly epochStarts: readonly EpochStart[] } {
  const fixture = new ReplicaFixture();
  for (let block = 0; block < BLOCKS; block++) {
    fixture.miniBlock(2, value);
    fixture.seal();
  }
  const record = decodeLogRecord(fixture.records[0] as Uint8Array);
  invariant(record.kind === 'epochStart', 'a chain begins with an epoch');
  return { fixture, epochStarts: [record.epochStart] };
}

const { fixture, epochStarts } = buildChain();
/** The same keys with other values. */
const { fixture: other } = buildChain(2n);

class World {
  readonly peers = new FakeSnapshotPeers();
  readonly directory = join(tempDirectory(), 'snapshot-sync');
  readonly taken: TakenSnapshot[] = [];
  readonly warnings: string[] = [];
  /** Reasons for which a repair was given up. */
  readonly failures: string[] = [];
  /** Mini-block that the state was replaced for before. */
  repaired: number | undefined;
  /** Blocks that the node has, with all that follows. */
  keeps: (blockNumber: number) => boolean = () => false;
  refused = 0;
  /** In place of the real one. */
  check: ((signal: AbortSignal) => Promise<void>) | undefined;
  obstacle: (() => string) | undefined;

  /** A peer with the snapshot of a block; `provers` attested that. */
  async offer(name: string, { provers = [0, 1], misdeed, logFirst = 100, ...options }: OfferOptions = {}): Promise<string> {
    const directory = tempDirectory();
    await writeChainSnapshot(fixture.builder, directory, { epochStarts, chunkBytes: CHUNK_BYTES, ...options });
    const attestations = (block: number) =>
      provers.map((prover) => fixture.attestation(fixture.blocks[block - 1] as (typeof fixture.blocks)[number], prover));
    this.peers.add(name, sourceOf(directory, attestations, logFirst), misdeed);
    return directory;
  }

  start(options: Partial<SnapshotJoinOptions> = {}, head = { headNumber: 0, headBlock: 0 }): RunningJoin {
    const stop = new AbortController();
    const chain = { genesis: fixture.genesis, identity: fixture.identity, stateRoot: fixture.builder.genesisHeader.stateRoot };
    const staging = new FileSnapshotStaging(
      { directory: this.directory, chain },
      {
        store: { safeNumber: () => undefined, sealOf: async () => undefined },
        check: (path, signal) => this.check?.(signal) ?? withSnapshotFile(path, (file) => assertTrustworthy(file, chain)),
      },
    );
    const quick = {
      decideAgainMs: 0,
      retryMs: 2,
      lookAgainMs: 5,
      giveUpMs: 150,
      hedgeMs: 20,
      shunMs: 60_000,
      repairWithinMs: 60_000,
    };
    const sync = new SnapshotJoin(
      { ...quick, ...fixture.genesis, identity: fixture.identity, mode: 'snapshot', gapBlocks: 1, ...options },
      {
        ...{ peers: this.peers, staging, point: () => head, isHalted: () => false, excludedProvers: () => [] },
        ...{ banned: new BannedPeers(), repaired: this.repaired, leadsOn: async ({ blockNumber }) => this.keeps(blockNumber) },
        onRepairFailed: (reason) => this.failures.push(reason),
        metrics: { recordChunk: () => {}, recordRefusedChunk: () => this.refused++, recordPhase: () => {} },
        onTaken: (snapshot) => this.taken.push(snapshot),
        onObstacle: (obstacle) => {
          this.obstacle = obstacle;
        },
        logger: { debug: () => {}, info: () => {}, warn: (_, message) => this.warnings.push(message), error: () => {} },
      },
    );
    const ended = sync.run(stop.signal);
    const close = async (): Promise<void> => {
      stop.abort();
      await ended;
    };
    onTestFinished(close);
    return { sync, close, decide: () => sync.allowsRanges(stop.signal) };
  }

  /** Decides until a snapshot is taken, as the range sync does between its requests. */
  async take(running: RunningJoin): Promise<TakenSnapshot> {
    await waitFor(async () => !(await running.decide()) && this.taken.length > 0, { what: 'a snapshot is taken' });
    return this.taken[0] as TakenSnapshot;
  }
}

type OfferOptions = ChainSnapshotOptions & {
  readonly provers?: readonly number[];
  readonly misdeed?: Misdeed | undefined;
  readonly logFirst?: number;
};

interface RunningJoin {
  readonly sync: SnapshotJoin;
  readonly decide: () => Promise<boolean>;
  readonly close: () => Promise<void>;
}

test('the newest attested snapshot is taken, from all peers that have it', async () => {
  const world = new World();
  await world.offer('old', { block: 2 });
  for (const name of ['a', 'b']) await world.offer(name, { block: 3 });
  await world.offer('unattested', { block: 4, provers: [0] });
  const running = world.start();
  const { blockNumber, attestations } = await world.take(running);
  expect(blockNumber).toBe(3);
  expect(attestations.map(({ prover }) => prover)).toEqual([0, 1].map((i) => fixture.provers[i]?.address));
  const asked = ['a', 'b'].map((name) => world.peers.askedOf(name));
  expect(asked.flat().sort((a, b) => a - b)).toEqual([...(asked.flat() as number[]).keys()]);
  for (const chunks of asked) expect(chunks.length).toBeGreaterThan(1);
  expect(world.peers.askedOf('unattested')).toEqual([]);
  expect(running.sync.progress()).toMatchObject({ phase: 'switch', block: 3, chunks: asked.flat().length, refusedChunks: 0 });
  expect(world.peers.reported).toEqual([]);
});

test('attestations of several peers count together, and those of excluded or strange provers do not', async () => {
  const world = new World();
  await world.offer('a', { block: 3, provers: [0] });
  const running = world.start({ provers: fixture.genesis.provers.slice(0, 2) });
  expect(await running.decide()).toBe(true);
  await world.offer('b', { block: 3, provers: [2, 0] });
  expect(await running.decide()).toBe(true);
  expect(world.obstacle?.()).toMatch(/NO_WAY_TO_SYNC: .* attested by 2 of 2 provers/);
  await world.offer('c', { block: 3, provers: [1] });
  await waitFor(async () => !(await running.decide()));
  await world.take(running);
});

test('a peer that withholds its chunks costs time and nothing else', async () => {
  const world = new World();
  await world.offer('withholding', { misdeed: withholds });
  await world.offer('sound');
  await world.take(world.start());
  expect(world.peers.askedOf('withholding').length).toBeGreaterThan(0);
  expect(world.peers.reported).toEqual([]);
});

test('a garbled chunk is fetched elsewhere, and its peer is left out', async () => {
  const world = new World();
  await world.offer('garbling', { misdeed: garbles });
  await world.offer('sound');
  await world.take(world.start());
  expect([...new Set(world.peers.reported)]).toEqual(['garbling FALSE_CHUNK']);
  expect(world.refused).toBeGreaterThan(0);
  expect(world.peers.askedOf('garbling').length).toBeLessThanOrEqual(3);
});

test('a stop does not wait for the check of a large state, and the snapshot is gone on with at the next start', async () => {
  const world = new World();
  await world.offer('sound');
  const { promise: checking, resolve } = Promise.withResolvers<void>();
  world.check = (signal) =>
    new Promise((_, reject) => {
      resolve();
      signal.addEventListener('abort', () => reject(new StrobeError('THREAD_STOPPED', 'the thread was stopped')));
    });
  const first = world.start();
  await waitFor(async () => !(await first.decide()));
  await checking;
  await first.close();
  expect([world.taken, world.warnings, world.peers.reported]).toEqual([[], [], []]);
  world.check = undefined;
  const asked = world.peers.askedOf('sound').length;
  await world.take(world.start());
  expect(world.peers.askedOf('sound')).toHaveLength(asked);
});

test('a manifest of another state with right hashes is found out at the end; who offers it is left out', async () => {
  const world = new World();
  for (const name of ['liar', 'its friend']) await world.offer(name, { stateOf: other.builder });
  await world.offer('honest', { block: 3 });
  const { blockNumber } = await world.take(world.start());
  expect(blockNumber).toBe(3);
  expect(world.peers.reported.sort()).toEqual(['its friend FALSE_SNAPSHOT', 'liar FALSE_SNAPSHOT']);
});

test('a manifest that no sequencer signed is not begun with', async () => {
  const world = new World();
  const alter = (point: SnapshotPoint): SnapshotPoint => {
    return { ...point, epochStarts: point.epochStarts.map((start) => ({ ...start, signature: new Uint8Array(65) })) };
  };
  await world.offer('forger', { alter });
  await world.offer('honest', { block: 3 });
  expect((await world.take(world.start())).blockNumber).toBe(3);
  expect(world.peers.reported).toEqual(['forger FALSE_MANIFEST']);
  expect(world.peers.askedOf('forger')).toEqual([]);
});

test('attestations of another block do not make one attested', async () => {
  const world = new World();
  const directory = tempDirectory();
  await writeChainSnapshot(fixture.builder, directory, { epochStarts, block: 4 });
  const ofBlock3 = () =>
    [0, 1].map((prover) => fixture.attestation(fixture.blocks[2] as (typeof fixture.blocks)[number], prover));
  const failed = () =>
    [0, 1].map((prover) => fixture.attestation(fixture.blocks[3] as (typeof fixture.blocks)[number], prover, { success: false }));
  world.peers.add('a', sourceOf(directory, ofBlock3, 100));
  world.peers.add('b', sourceOf(directory, failed, 100));
  expect(await world.start().decide()).toBe(true);
  expect(world.obstacle?.()).toContain('none of the 2 snapshots on offer');
});

test('when its only peer leaves, the rest comes from one that joins later', async () => {
  const world = new World();
  let given = 0;
  const misdeed: Misdeed = async (_, chunk) => {
    if (++given === 3) world.peers.leave('first');
    return given > 3 ? new Promise(() => {}) : chunk;
  };
  await world.offer('first', { misdeed });
  const running = world.start({ giveUpMs: 60_000 });
  await running.decide();
  await waitFor(() => given >= 3);
  await world.offer('second');
  await world.take(running);
  expect(world.peers.askedOf('second').length).toBeGreaterThan(1);
});

test('a snapshot that nobody gives is left alone for another one', async () => {
  const world = new World();
  await world.offer('withholding', { misdeed: withholds });
  await world.offer('sound', { block: 3 });
  const { blockNumber } = await world.take(world.start());
  expect(blockNumber).toBe(3);
  expect(world.warnings.join()).toContain('peers do not give the snapshot of block 4');
});

test('a restart goes on with what is there, though a newer one is offered by then', async () => {
  const world = new World();
  const given: number[] = [];
  const three: Misdeed = async (index, chunk) => {
    if (given.length === 3) return withholds(index, chunk);
    given.push(index);
    return chunk;
  };
  await world.offer('a', { block: 3, misdeed: three });
  const first = world.start({ giveUpMs: 60_000 });
  await first.decide();
  await waitFor(() => first.sync.progress()?.chunks === 3);
  await first.close();

  await world.offer('a', { block: 3 });
  await world.offer('b', { block: 4 });
  expect((await world.take(world.start())).blockNumber).toBe(3);
  const fetched = world.peers.askedOf('a');
  for (const index of given) expect(fetched).not.toContain(index);
  expect(fetched.length).toBeGreaterThan(0);
});

test('what was begun is given up for the newest when nobody has it any more', async () => {
  const world = new World();
  await world.offer('a', { block: 3, misdeed: withholds });
  const first = world.start({ giveUpMs: 60_000 });
  await first.decide();
  await waitFor(() => first.sync.progress()?.phase === 'chunks');
  await first.close();
  world.peers.leave('a');
  await world.offer('b', { block: 4 });
  expect((await world.take(world.start())).blockNumber).toBe(4);
});

test('with a small gap ranges do, as long as a log reaches back', async () => {
  const world = new World();
  await world.offer('a', { logFirst: 0 });
  const running = world.start({ gapBlocks: BLOCKS + 1 });
  expect(await running.decide()).toBe(true);
  expect(world.obstacle).toBeUndefined();
  await world.offer('a', { logFirst: 100 });
  await waitFor(async () => !(await running.decide()));
  expect((await world.take(running)).blockNumber).toBe(BLOCKS);
});

test('a node that has blocks keeps its history as long as a log reaches back', async () => {
  const world = new World();
  await world.offer('a', { logFirst: 1 });
  const running = world.start({}, { headNumber: 1, headBlock: 1 });
  expect(await running.decide()).toBe(true);
  await world.offer('a', { logFirst: 2 });
  await waitFor(async () => !(await running.decide()));
  expect(running.sync.progress()?.block).toBe(BLOCKS);
});

test('a peer that only says that its log reaches back does not keep a node from a snapshot', async () => {
  const world = new World();
  await world.offer('liar', { logFirst: 0, provers: [] });
  const running = world.start({}, { headNumber: 1, headBlock: 1 });
  const rangesFail = async (): Promise<void> => {
    for (let i = 0; i < 20; i++) {
      await running.decide();
      running.sync.noteRange('failed');
    }
  };
  expect(await running.decide()).toBe(true);
  expect(world.obstacle).toBeUndefined();
  await rangesFail();
  await waitFor(async () => (await running.decide()) && world.obstacle !== undefined);
  expect(world.obstacle?.()).toMatch(/its peers do not give what follows, and none of the 1 snapshots/);
  running.sync.noteRange('progress');
  await waitFor(async () => (await running.decide()) && world.obstacle === undefined);
  await world.offer('honest', { logFirst: 100 });
  await rangesFail();
  expect((await world.take(running)).blockNumber).toBe(BLOCKS);
});

test('a peer that only says that its log begins later does not keep a node that is in step from being ready', async () => {
  const world = new World();
  await world.offer('liar', { logFirst: 100, provers: [] });
  const running = world.start({}, { headNumber: 1, headBlock: 1 });
  expect(await running.decide()).toBe(true);
  expect(world.obstacle?.()).toContain('NO_WAY_TO_SYNC');
  running.sync.noteRange('upToDate');
  expect(world.obstacle).toBeUndefined();
});

describe('a state that a mini-block cannot be read beside', () => {
  const head = { headNumber: 5, headBlock: 3 };

  test('is replaced by that of the newest block which the node has safe, and its log leads on from there', async () => {
    const world = new World();
    world.keeps = (block) => block <= 2;
    for (const block of [1, 2, 3, 4]) await world.offer(`at ${block}`, { block, logFirst: 1 });
    const running = world.start({}, head);
    expect(await running.decide()).toBe(true);
    expect(running.sync.repair(6, 'mini-block 6: no such row')).toBe(true);
    expect(world.obstacle?.()).toBe('REPAIRING after mini-block 6: no such row: looking for a snapshot at peers');
    expect(await world.take(running)).toMatchObject({ blockNumber: 2, repairs: 6, keepsChain: true });
    expect(world.obstacle?.()).toContain('REPAIRING after mini-block 6: no such row: taking the snapshot of block 2');
  });

  test('or by one that is ahead', async () => {
    const world = new World();
    for (const block of [3, 4]) await world.offer(`at ${block}`, { block, logFirst: 1 });
    const running = world.start({}, head);
    expect(running.sync.repair(6, 'why')).toBe(true);
    expect(await world.take(running)).toMatchObject({ blockNumber: 4, repairs: 6, keepsChain: false });
  });

  test('is not when no peer has one of use for a while', async () => {
    const world = new World();
    const running = world.start({ repairWithinMs: 30 }, head);
    expect(running.sync.repair(6, 'why')).toBe(true);
    expect(await running.decide()).toBe(false);
    expect(world.failures).toEqual([]);
    await world.offer('a', { block: 3, logFirst: 1 });
    await waitFor(() => running.decide());
    expect(world.failures).toEqual(['no peer offers an attested snapshot that this node could go on from']);
    expect(world.taken).toEqual([]);
    expect(world.obstacle).toBeUndefined();
  });

  test('is not a second time for one mini-block, nor where no snapshot may be taken', async () => {
    const world = new World();
    world.repaired = 6;
    expect(world.start({}, head).sync.repair(6, 'why')).toBe(false);
    expect(world.start({}, head).sync.repair(7, 'why')).toBe(true);
    expect(world.start({ mode: 'full' }, head).sync.repair(7, 'why')).toBe(false);
  });
});

test('without peers nothing is decided', async () => {
  const world = new World();
  const running = world.start();
  for (let i = 0; i < 20; i++) {
    expect(await running.decide()).toBe(true);
    running.sync.noteRange('failed');
  }
  await world.offer('a', { logFirst: 0 });
  const small = world.start({ gapBlocks: BLOCKS + 1 });
  expect(await small.decide()).toBe(true);
  expect(world.obstacle).toBeUndefined();
});
