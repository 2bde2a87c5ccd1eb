import { expect, onTestFinished, test } from 'vitest';
import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import type { RpcBackend } from '../../../src/protocol/ports/chain.ts';
import type { CommittedState } from '../../../src/protocol/ports/state.ts';
import { HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import { rpcLimitsSchema } from '../../../src/rpc/limits.ts';
import { SubscriptionHub } from '../../../src/rpc/subscriptions/subscription-hub.ts';
import { readSubscription } from '../../../src/rpc/subscriptions/subscription-request.ts';
import { ChainState } from '../../../src/state/chain-state.ts';
import { MiniBlockChanges } from '../../../src/state/mini-block-changes.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import type { ChainStore } from '../../../src/store/chain-store.ts';
import { bigIntToBytes32, toHex } from '../../../src/util/bytes.ts';
import type { BuiltMiniBlock } from '../../support/chain-builder.ts';
import { openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

const LIMITS = rpcLimitsSchema.parse({});
const EMITTER = new Uint8Array(20).fill(0xee);

interface Push {
  // biome-ignore lint/suspicious/noExplicitAny: results of every shape
  readonly result: any;
  readonly cursorJson: string | undefined;
}

/** Everything that a node pushes to one subscriber of each dialect. */
class Subscribers {
  readonly received = new Map<string, Push[]>();

  constructor(chain: ChainStore, state: CommittedState, dialects: readonly unknown[][]) {
    const statesOf = async (number: number) => {
      const after = state.at(number);
      return after && { after, netDiff: () => state.netDiff(number - 1, number) };
    };
    const stateChanges = new MiniBlockChanges({ statesOf });
    const backend = { chain, stateChanges, node: { syncing: async () => undefined } } as unknown as RpcBackend;
    const hub = new SubscriptionHub(LIMITS, { backend, logger: { error: (_, message) => expect.fail(message) } });
    hub.start();
    for (const params of dialects) {
      const messages: Push[] = [];
      this.received.set(JSON.stringify(params), messages);
      hub.prepare(readSubscription(params, LIMITS)).start({
        push: (json, cursorJson) => messages.push({ result: JSON.parse(json), cursorJson }),
        queuedBytes: () => 0,
        flushed: async () => {},
        drop: (reason) => expect.fail(reason),
      });
    }
    onTestFinished(() => hub.stop());
  }
}

/** The sequencer's side of the chain: it applies by row what it built itself. */
async function openSequencer({ builder, genesis }: ReplicaFixture) {
  const store = await openTestStore(builder);
  onTestFinished(() => store.close());
  const state = new StateTable();
  state.apply(genesis.allocation, 0);
  const start = { epoch: 0, number: 0, digest: builder.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
  const chainState = new ChainState(start, {}, { state, chain: store });
  const codec = createCompactCodec(state.rows);
  const apply = (built: BuiltMiniBlock) => chainState.apply({ ...built, diff: codec.resolve(built.diff) });
  return { store, state, chainState, apply };
}

/** Transfers, and a transaction with two logs. */
function busyMiniBlock(fixture: ReplicaFixture, value: bigint): BuiltMiniBlock {
  const { builder } = fixture;
  const log = (topic: bigint) => ({ address: EMITTER, topics: [bigIntToBytes32(topic)], data: bigIntToBytes32(value) });
  const logging = { ...builder.transfer(0, value), logs: [log(1n), log(2n)], gasUsed: 50_000n };
  return fixture.include([builder.transfer(1, value), logging, builder.transfer(2, value)]);
}

test('a replica pushes to every dialect what the sequencer pushed, undone mini-blocks too', async () => {
  const lost = new ReplicaFixture();
  const kept = new ReplicaFixture();
  const replica = await ReplicaHarness.start(kept);
  onTestFinished(() => replica.stop());
  const sequencer = await openSequencer(lost);
  const addresses = [...lost.builder.accounts.map(({ address }) => address), HISTORY_CONTRACT].map(toHex);
  const cursors = { cursors: true };
  const dialects = [
    ['newHeads'],
    ['logs', {}],
    ['logs', { fromBlock: 'pending', ...cursors }],
    ['pendingLogs', { topics: [toHex(bigIntToBytes32(2n))] }, cursors],
    ['miniBlocks', cursors],
    ['miniBlocks', { hashesOnly: true }],
    ['stateChanges', addresses, cursors],
    ['shreds', false, cursors],
    ['shreds', true, cursors],
    ['newFlashblocks', cursors],
    ['newFlashblockTransactions', false, cursors],
    ['newFlashblockTransactions', true],
    ['newFlashblockTransactions', { address: toHex(EMITTER) }, cursors],
  ];
  const onReplica = new Subscribers(replica.store, replica.state, dialects);
  const onSequencer = new Subscribers(sequencer.store, sequencer.state, dialects);

  const common = [1n, 2n].map((value) => {
    busyMiniBlock(kept, value);
    return busyMiniBlock(lost, value);
  });
  kept.seal();
  const undone = [lost.seal(), ...[3n, 4n].map((value) => busyMiniBlock(lost, value))];
  for (const built of common) sequencer.apply(built);
  await sequencer.chainState.seal(defined(lost.blocks[0]).seal);
  for (const built of undone.slice(1)) sequencer.apply(built as BuiltMiniBlock);
  replica.deliver(...lost.records);
  await replica.miniBlockIs(4);

  busyMiniBlock(kept, 3n);
  kept.startEpoch();
  const goesOn = busyMiniBlock(kept, 9n);
  await sequencer.chainState.rollback(3);
  sequencer.apply(goesOn);
  replica.deliver(...kept.records);
  await waitFor(() => replica.node.status().epoch === 3 && replica.node.status().miniBlock === 4);
  await waitFor(() => [...onReplica.received].every(([key, { length }]) => length === onSequencer.received.get(key)?.length));
  expect(onReplica.received).toEqual(onSequencer.received);
  for (const [key, messages] of onSequencer.received) expect(messages.length, key).toBeGreaterThan(0);

  const changes = defined(onSequencer.received.get(JSON.stringify(['stateChanges', addresses, cursors])));
  const history = changes.find(({ result }) => result?.address === toHex(HISTORY_CONTRACT));
  expect(Object.values(history?.result.storage)).toEqual([toHex(lost.builder.genesisHash)]);
});
