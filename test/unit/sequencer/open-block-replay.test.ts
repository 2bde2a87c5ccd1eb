import { beforeEach, expect, test } from 'vitest';
import type { MiniBlockCommit } from '../../../src/protocol/ports/chain.ts';
import type { LogEntry } from '../../../src/protocol/ports/log.ts';
import { isRowDiff } from '../../../src/protocol/row-diff.ts';
import { encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { openEnvironment } from '../../../src/sequencer/block-environment.ts';
import { BlockSealer } from '../../../src/sequencer/block-sealer.ts';
import { MiniBlockBuilder } from '../../../src/sequencer/mini-block-builder.ts';
import { MiniBlockCommitter } from '../../../src/sequencer/mini-block-committer.ts';
import { replayOpenBlock } from '../../../src/sequencer/open-block-replay.ts';
import { replayLog } from '../../../src/state/replay-log.ts';
import { type Bytes, toKey } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { createSequencerKit, type SequencerKit } from '../../support/sequencer-kit.ts';

const clock = { now: 1_800_000_000_000, nowMs: () => clock.now };
let before: SequencerKit;

/** Executes and commits what is pooled as one mini-block each. */
async function fillBlock(kit: SequencerKit, miniBlocks: number): Promise<void> {
  const { engine } = kit;
  const env = openEnvironment(kit.chain.head(), kit.options.genesis, clock.now);
  await engine.beginBlock(env);
  const committer = new MiniBlockCommitter(kit.options, kit.modules);
  const builder = new MiniBlockBuilder({ ...kit.modules, nowMs: clock.nowMs, onRejected: () => {} });
  for (let i = 0; i < miniBlocks; i++) {
    await committer.commit(
      env,
      await builder.build(env, {
        executeUntilMs: clock.now + 1,
        isWaiting: () => false,
        blockGasUsed: 0n,
        blockRecordBytes: 0,
        gasBudget: 42_000n,
      }),
      1,
    );
  }
}

/** A sequencer with a sealed block and an open one of three mini-blocks, which then stops. */
beforeEach(async () => {
  before = await createSequencerKit({ clock });
  for (const i of [0, 1, 2]) before.pool(i);
  await fillBlock(before, 2);
  await new BlockSealer(before.options, before.modules).seal(1).done;
  for (const i of [0, 3, 0, 1]) before.pool(i);
  await fillBlock(before, 3);
});

/** Canonical bytes of a diff that the first sequencer committed. */
function diffBytesOf({ diff }: MiniBlockCommit): Bytes {
  return isRowDiff(diff) ? before.modules.codec.canonicalBytes(diff) : encodeStateDiff(diff);
}

/** The same sequencer after its restart, with the sealed block in its store and `entries` in its log. */
async function restart(entries: readonly LogEntry[]): Promise<SequencerKit> {
  const kit = await createSequencerKit({ clock });
  const [seal] = before.chain.seals;
  for (const commit of before.chain.miniBlocks.slice(0, 2)) {
    kit.modules.chainState.apply(commit);
    const { bytes } = defined(before.log.entries[commit.miniBlock.envelope.number - 1]);
    kit.modules.roots.append({ miniBlockBytes: bytes.subarray(1), diffBytes: diffBytesOf(commit) });
  }
  await kit.modules.roots.seal({ keys: [], codes: [], headers: [] });
  await kit.modules.chainState.seal(defined(seal));
  kit.log.entries.push(...entries);
  kit.events.length = 0;
  return kit;
}

test('the open block goes on where it stopped: the same head, gas and seal', async () => {
  const kit = await restart(before.log.entries);
  expect(await replayOpenBlock(kit.modules)).toBe(3);
  expect(kit.modules.chainState.head()).toEqual(before.modules.chainState.head());
  expect(kit.modules.chainState.openBlock()).toEqual(before.modules.chainState.openBlock());
  // Nothing of it is told or logged again.
  expect(kit.events.filter((event) => !event.startsWith('chain'))).toEqual([]);
  await new BlockSealer(before.options, before.modules).seal(1).done;
  await new BlockSealer(kit.options, kit.modules).seal(1).done;
  expect(kit.log.entries.at(-1)).toEqual(before.log.entries.at(-1));
  expect(kit.witnesses.get(2)).toEqual(before.witnesses.get(2));
});

test('code that the open block brings is new again, although the start read its diffs before', async () => {
  const { hash } = before.pool(2);
  const deploy = ({ engine, modules }: SequencerKit): void => {
    engine.onExecute = (transaction) => {
      if (toKey(transaction.hash) !== toKey(hash)) return;
      const codeHash = modules.world.putCode(Uint8Array.of(1, 2, 3));
      modules.world.setAccount(new Uint8Array(20).fill(7), { nonce: 1n, balance: 0n, codeHash });
    };
  };
  deploy(before);
  const { env } = defined(before.modules.chainState.openBlock());
  const builder = new MiniBlockBuilder({ ...before.modules, nowMs: clock.nowMs, onRejected: () => {} });
  const limits = {
    executeUntilMs: clock.now + 1,
    isWaiting: () => false,
    blockGasUsed: 0n,
    blockRecordBytes: 0,
    gasBudget: 21_000n,
  };
  const batch = await builder.build(env, limits);
  await new MiniBlockCommitter(before.options, before.modules).commit(env, batch, 1);
  expect(defined(before.chain.miniBlocks.at(-1)).diff.codes).toHaveLength(1);

  const kit = await restart(before.log.entries);
  deploy(kit);
  // As a node starts: the log's tail is applied without executing it, then undone for the sake of the witness.
  await replayLog({ ...kit.modules, chain: kit.chain.port });
  await kit.modules.chainState.rollback(2);
  expect(await replayOpenBlock(kit.modules)).toBe(4);
});

test('without an open block there is nothing to do', async () => {
  const kit = await restart(before.log.entries.slice(0, 3));
  expect(await replayOpenBlock(kit.modules)).toBe(0);
  expect(kit.modules.chainState.openBlock()).toBeUndefined();
});

test('an execution that comes out otherwise than it was signed is an error', async () => {
  const kit = await restart(before.log.entries);
  kit.engine.onExecute = ({ nonce }) => {
    // A write that was not there the first time.
    if (nonce === 1n) kit.modules.world.setStorage(new Uint8Array(20).fill(1), new Uint8Array(32), new Uint8Array(32).fill(1));
  };
  const account = {
    nonce: 1n,
    balance: 1n,
    codeHash: defined(kit.modules.world.getAccount(defined(kit.builder.accounts[0]).address)).codeHash,
  };
  kit.modules.world.setAccount(new Uint8Array(20).fill(1), account);
  await expect(replayOpenBlock(kit.modules)).rejects.toMatchObject({ code: 'REPLAY_DIVERGED', meta: { number: 3 } });
});

test('a transaction that is refused now is an error', async () => {
  const kit = await restart(before.log.entries);
  const second = defined(before.chain.miniBlocks[2]).decoded?.[0];
  kit.engine.outcomes.set(toKey(defined(second).hash), { kind: 'rejected', code: 'NONCE_TOO_LOW', message: 'nonce too low' });
  await expect(replayOpenBlock(kit.modules)).rejects.toThrow('refused now: nonce too low');
});

test('a log that begins inside a block is an error', async () => {
  const kit = await restart(before.log.entries.filter(({ number }) => number > 3));
  await expect(replayOpenBlock(kit.modules)).rejects.toMatchObject({ code: 'REPLAY_DIVERGED' });
});
