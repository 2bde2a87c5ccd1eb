import { expect, test } from 'vitest';
import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import { decodeLogRecord, recordNumber } from '../../../src/protocol/log-record.ts';
import { ChainState } from '../../../src/state/chain-state.ts';
import { type ReplayResult, replayLog } from '../../../src/state/replay-log.ts';
import type { ChainStore } from '../../../src/store/chain-store.ts';
import { openChainStore } from '../../../src/store/open-chain-store.ts';
import { MapState } from '../../support/map-state.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { MemoryLog } from '../../support/replica-harness.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

interface Replayed {
  readonly chain: ReplicaFixture;
  readonly store: ChainStore;
  readonly state: MapState;
  readonly chainState: ChainState;
  readonly log: MemoryLog;
  replay(): Promise<ReplayResult>;
}

/** A new store and state beside a log of `records`. */
async function setUp(chain: ReplicaFixture, records: readonly Uint8Array[]): Promise<Replayed> {
  const log = new MemoryLog();
  await log.append(records.map((bytes) => ({ number: recordNumber(decodeLogRecord(bytes)), bytes })));
  const { genesis, builder } = chain;
  const options = {
    directory: tempDirectory(),
    chainId: genesis.chainId,
    genesisHeader: builder.genesisHeader,
  };
  const store = await openChainStore(options, { log, logger: { error: () => {} } });
  const state = new MapState();
  state.apply(genesis.allocation, 0);
  const chainState = new ChainState(
    { epoch: 0, number: 0, digest: builder.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined },
    {},
    { state, chain: store },
  );
  return {
    chain,
    store,
    state,
    chainState,
    log,
    replay: () => replayLog({ log, chainState, chain: store, codec: createCompactCodec(state.rows) }),
  };
}

function twoBlocks(): ReplicaFixture {
  const chain = new ReplicaFixture();
  chain.block(2);
  chain.block(1);
  chain.miniBlock();
  return chain;
}

test('mini-blocks, seals and the epoch come back from the log', async () => {
  const chain = twoBlocks();
  const { replay, chainState, store, state } = await setUp(chain, chain.records);
  expect(await replay()).toMatchObject({ epoch: 2, epochKey: chain.sequencer.address, miniBlocks: 4, seals: 2 });
  expect(chainState.head()).toMatchObject(chain.builder.tip);
  expect(chainState.openBlock()).toMatchObject({ firstNumber: 4, nextIndex: 1 });
  expect(store.head().hash).toEqual(chain.blocks[1]?.hash);
  for (const { address } of chain.builder.accounts)
    expect(state.getAccount(address)).toEqual(chain.builder.state.getAccount(address));
  await store.close();
});

test('a second replay changes nothing and still knows who signs', async () => {
  const chain = twoBlocks();
  const { replay, chainState, store } = await setUp(chain, chain.records);
  await replay();
  expect(await replay()).toMatchObject({
    epoch: 2,
    epochKey: chain.sequencer.address,
    epochStart: undefined,
    miniBlocks: 0,
    seals: 0,
  });
  expect(chainState.head().number).toBe(4);
  await store.close();
});

test('an epoch that began behind the newest mini-block is in force', async () => {
  const chain = twoBlocks();
  chain.startEpoch();
  const { replay, store } = await setUp(chain, chain.records);
  expect(await replay()).toMatchObject({ epoch: 3, epochStart: { lastNumber: 4 } });
  await store.close();
});

test('an empty log says nothing of the epoch', async () => {
  const { replay, store } = await setUp(new ReplicaFixture(), []);
  expect(await replay()).toEqual({ epoch: 0, epochKey: undefined, epochStart: undefined, miniBlocks: 0, seals: 0 });
  await store.close();
});

test.each<[string, (records: Uint8Array[]) => Uint8Array[]]>([
  ['misses a mini-block', (records) => records.filter((_, i) => i !== 2)],
  ['misses a seal', (records) => records.filter((_, i) => i !== 3)],
  ['has a seal too early', (records) => [records[0], records[1], records[3], records[2]] as Uint8Array[]],
])('a log that %s is refused where it breaks', async (_, damage) => {
  const chain = twoBlocks();
  const { replay, store } = await setUp(chain, damage(chain.records));
  await expect(replay()).rejects.toMatchObject({ code: 'LOG_REPLAY_MISMATCH' });
  await store.close();
});
