import { expect, test } from 'vitest';
import { BannedPeers } from '../../../src/fullnode/snapshot-sync/banned-peers.ts';
import type { SnapshotStaging } from '../../../src/fullnode/snapshot-sync/snapshot-sync-types.ts';
import { StartRepair, type StartRepairModules, type StartRepairOptions } from '../../../src/fullnode/start-repair.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { FakeSnapshotPeers } from '../../support/fake-snapshot-peers.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';

const failure = new StrobeError('LOG_BEHIND_STORE', 'the log ends at mini-block 3', { logNumber: 3 });

/** A repair with peers that have no snapshot, of which a test changes what it is about. */
function repairWith(changes: Partial<StartRepairModules>, options: Partial<StartRepairOptions> = {}) {
  const { genesis, identity } = new ReplicaFixture();
  const peers = new FakeSnapshotPeers();
  peers.add('a', {
    offers: async () => ({ logFirst: 1, snapshots: [] }),
    manifest: async () => undefined,
    chunk: async () => undefined,
  });
  const obstacles: string[] = [];
  const staging = { resume: async () => undefined, discard: async () => {}, close: async () => {} } as unknown as SnapshotStaging;
  const repair = new StartRepair(
    {
      ...{ failure, number: 3, identity, provers: genesis.provers, threshold: genesis.threshold },
      ...{ mode: 'snapshot', gapBlocks: 1, repairWithinMs: 20, askAgainMs: 5, ...options },
    },
    {
      ...{ peers, staging, banned: new BannedPeers(), repaired: undefined },
      metrics: { recordChunk() {}, recordRefusedChunk() {}, recordPhase() {} },
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      point: () => ({ headNumber: 0, headBlock: 2 }),
      excludedProvers: () => [],
      leadsOn: async () => false,
      hasPeers: async () => true,
      refill: async () => false,
      onTaken: () => {},
      onObstacle: (reason) => void obstacles.push(reason?.() ?? ''),
      ...changes,
    },
  );
  return { repair, obstacles };
}

test('it is over when the log has everything again', async () => {
  let rounds = 0;
  const { repair, obstacles } = repairWith({ refill: async () => ++rounds === 2 }, { repairWithinMs: 10_000 });
  await repair.run(new AbortController().signal);
  expect(rounds).toBe(2);
  expect(obstacles[0]).toBe('REPAIRING after mini-block 3: the log ends at mini-block 3: looking for a snapshot at peers');
});

test.each([
  ['peers offer nothing that helps', {}, {}],
  ['it takes no snapshots', {}, { mode: 'full' as const }],
  ['the state was replaced for this before', { repaired: 3 }, {}],
])('when %s it fails as the start did', async (_, modules, options) => {
  const { repair } = repairWith(modules, options);
  await expect(repair.run(new AbortController().signal)).rejects.toBe(failure);
});

test('without peers it waits for them, and a stop ends it', async () => {
  const stop = new AbortController();
  let rounds = 0;
  const refill = async (): Promise<boolean> => {
    if (++rounds === 2) stop.abort();
    return false;
  };
  const { repair } = repairWith({ refill, hasPeers: async () => false }, { mode: 'full' });
  await repair.run(stop.signal);
  expect(rounds).toBe(2);
});
