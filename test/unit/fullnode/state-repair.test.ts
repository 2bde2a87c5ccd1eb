import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BannedPeers } from '../../../src/fullnode/snapshot-sync/banned-peers.ts';
import type { SnapshotSyncModules, TakenSnapshot } from '../../../src/fullnode/snapshot-sync/snapshot-sync-types.ts';
import { FileSnapshotStaging } from '../../../src/node/snapshot-staging.ts';
import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import type { DiffCodec } from '../../../src/protocol/diff-codec.ts';
import { decodeLogRecord, encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import type { StateRows } from '../../../src/protocol/row-diff.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { writeChainSnapshot } from '../../support/chain-snapshot.ts';
import { FakeSnapshotPeers, sourceOf } from '../../support/fake-snapshot-peers.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { waitFor } from '../../support/wait-for.ts';

const FIRST_OF_BLOCK = 4;
/** A later mini-block of that block, which is not read at first. */
const UNREADABLE = 6;

let chain: ReplicaFixture;
let peers: FakeSnapshotPeers;
let taken: TakenSnapshot[];
let replica: ReplicaHarness | undefined;

/** Two blocks, the first one attested, and one that is open. */
beforeEach(() => {
  chain = new ReplicaFixture();
  peers = new FakeSnapshotPeers();
  taken = [];
  for (let block = 0; block < 2; block++) chain.block(3);
  chain.miniBlock();
});
afterEach(() => replica?.stop());

function snapshots(repaired?: number): SnapshotSyncModules {
  const { genesis, identity, builder } = chain;
  const staging = new FileSnapshotStaging(
    { directory: join(tempDirectory(), 'sync'), chain: { genesis, identity, stateRoot: builder.genesisHeader.stateRoot } },
    { store: { safeNumber: () => undefined, sealOf: async () => undefined }, check: async () => {} },
  );
  const metrics = { recordChunk: () => {}, recordRefusedChunk: () => {}, recordPhase: () => {} };
  return { peers, staging, metrics, banned: new BannedPeers(), repaired, onTaken: (snapshot) => taken.push(snapshot) };
}

/** A replica that reads a mini-block only after so many times in vain, and then hears of the chain from peers and gossip. */
async function follow(failures: number, modules?: SnapshotSyncModules): Promise<ReplicaHarness> {
  let left = failures;
  const codecOf = (rows: StateRows): DiffCodec => {
    const codec = createCompactCodec(rows);
    return {
      ...codec,
      decode: (payload, position) => {
        if (position.number !== UNREADABLE || left-- <= 0) return codec.decode(payload, position);
        throw new StrobeError('INVALID_COMPACT_DIFF', 'there is no such row');
      },
    };
  };
  const started = await ReplicaHarness.start(chain, {
    codecOf,
    repairWithinMs: 20,
    ...(modules === undefined ? {} : { snapshots: modules }),
  });
  replica = started;
  started.peers.records = chain.records;
  started.deliver(...chain.records);
  return started;
}

/** Lets a peer offer the attested snapshot of a block. */
async function offer(block: number): Promise<void> {
  const directory = tempDirectory();
  const record = decodeLogRecord(chain.records[0] as Uint8Array);
  const epochStarts = record.kind === 'epochStart' ? [record.epochStart] : [];
  await writeChainSnapshot(chain.builder, directory, { epochStarts, block });
  const attestations = () =>
    [0, 1].map((prover) => chain.attestation(chain.blocks[block - 1] as (typeof chain.blocks)[number], prover));
  peers.add('a', sourceOf(directory, attestations, 1));
}

const undone = async (): Promise<string | undefined> =>
  /undone_mini_blocks_total (\d+)/.exec((await replica?.metrics.expose())?.body ?? '')?.[1];

test('a mini-block that is read the second time is applied, after its block was undone', async () => {
  const { node, store } = await follow(1, snapshots());
  await waitFor(() => node.status().miniBlock === chain.miniBlocks.length);
  expect(store.head().hash).toEqual(chain.blocks[1]?.hash);
  expect(node.status()).toMatchObject({ state: 'live', isReady: true, snapshotSync: null });
  expect(await undone()).toBe(String(UNREADABLE - FIRST_OF_BLOCK));
  expect(taken).toEqual([]);
});

test('the second time in vain the state is to be replaced, and nothing is applied until then', async () => {
  await offer(2);
  const { node, store, evidence } = await follow(2, snapshots());
  await waitFor(() => taken.length > 0);
  expect(taken).toMatchObject([{ blockNumber: 2, repairs: UNREADABLE, keepsChain: false }]);
  const { miniBlock } = chain.builder.miniBlock([]);
  replica?.deliver(encodeSequencerMessage({ kind: 'miniBlock', miniBlock }));
  expect(node.ready().reason).toContain(`REPAIRING after mini-block ${UNREADABLE}: there is no such row`);
  expect(node.status()).toMatchObject({ state: 'bootstrapping', isReady: false, miniBlock: UNREADABLE - 1 });
  expect(store.head().header.number).toBe(1);
  expect(evidence.halted()).toBeUndefined();
});

test.each([
  ['nothing may be taken', () => undefined],
  ['nothing is offered that helps', () => snapshots()],
  ['it was replaced for this mini-block before', () => snapshots(UNREADABLE)],
])('when %s the node halts, with the mini-block as evidence', async (_, modules) => {
  await offer(1);
  const { evidence } = await follow(2, modules());
  expect(await replica?.halted()).toBe('UNDECODABLE');
  expect(evidence.list()[0]?.messages).toEqual([toHex(chain.miniBlocks[UNREADABLE - 1] as Uint8Array)]);
  expect(taken).toEqual([]);
});
