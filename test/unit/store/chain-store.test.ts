import { describe, expect, test } from 'vitest';
import { encodeHeader } from '../../../src/protocol/block-header.ts';
import type { ChainEvent } from '../../../src/protocol/ports/chain.ts';
import { decodeRlp, encodeRlp } from '../../../src/protocol/rlp.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, appendAll, CapturedErrors, openTestNode, openTestStore, recordsOf } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { testLog } from '../../support/test-accounts.ts';

/** Two sealed blocks and an open one with a contract creation and logs. */
function builtChain(): ChainBuilder {
  const builder = new ChainBuilder();
  builder.block(2, 3);
  const account = defined(builder.accounts[0]);
  builder.miniBlock([builder.transfer(0), { from: account, to: null, gasUsed: 60_000n, logs: [testLog(account.address, 1)] }]);
  builder.miniBlock();
  builder.miniBlock([
    { ...builder.transfer(1), gasUsed: 40_000n, logs: [testLog(account.address, 2), testLog(account.address, 3)] },
  ]);
  builder.seal();
  return builder;
}

describe('the open block', () => {
  test('transactions of durable mini-blocks are there at once, without a block hash until the seal', async () => {
    const builder = builtChain();
    const { store } = await openTestNode(builder);
    const [first, second] = [builder.blockAt(1), builder.blockAt(2)];
    await addBlocks(store, [first]);
    appendAll(store, second.miniBlocks);

    const open = defined(store.openBlock());
    expect(open.env).toBe(defined(second.miniBlocks[0]).env);
    expect(store.latestEnvironment()).toBe(open.env);
    expect(open.gasUsed).toBe(121_000n);
    expect(
      open.transactions.map(({ transactionIndex, firstLogIndex, gasUsed, miniBlockNumber }) => [
        transactionIndex,
        firstLogIndex,
        gasUsed,
        miniBlockNumber,
      ]),
    ).toEqual([
      [0, 0, 21_000n, 3],
      [1, 0, 60_000n, 3],
      [2, 1, 40_000n, 5],
    ]);
    const { hash } = defined(open.transactions[2]).transaction;
    expect(defined(await store.transactionByHash(hash)).blockHash).toBeUndefined();
    expect(store.head().hash).toEqual(first.hash);

    await store.sealBlock(second.seal);
    expect(defined(await store.transactionByHash(hash)).blockHash).toEqual(second.hash);
    expect(store.openBlock()).toBeUndefined();
    expect(store.head().hash).toEqual(second.hash);
    expect(store.latestEnvironment()).toEqual(defined(second.miniBlocks[0]).env);
  });

  test('a view does not change under its reader', async () => {
    const builder = builtChain();
    const store = await openTestStore(builder);
    const first = builder.blockAt(1);
    store.appendMiniBlock(defined(first.miniBlocks[0]));
    const view = defined(store.openBlock());
    store.appendMiniBlock(defined(first.miniBlocks[1]));
    expect(view.transactions.length).toBe(3);
    expect(defined(store.openBlock()).transactions.length).toBe(6);
    await store.close();
  });

  test('what does not fit is refused and changes nothing', async () => {
    const builder = builtChain();
    const store = await openTestStore(builder);
    const [first, second] = [builder.blockAt(1), builder.blockAt(2)];
    expect(() => store.appendMiniBlock(defined(first.miniBlocks[1]))).toThrow(
      expect.objectContaining({ code: 'MINI_BLOCK_DOES_NOT_FIT' }),
    );
    store.appendMiniBlock(defined(first.miniBlocks[0]));
    expect(() => store.appendMiniBlock(defined(first.miniBlocks[0]))).toThrow(
      expect.objectContaining({ code: 'MINI_BLOCK_DOES_NOT_FIT' }),
    );
    const foreign = new ChainBuilder({ name: 'other' });
    foreign.block(2, 1);
    expect(() => store.appendMiniBlock(defined(foreign.blockAt(1).miniBlocks[1]))).toThrow(
      expect.objectContaining({ code: 'MINI_BLOCK_DOES_NOT_FIT' }),
    );
    await expect(store.sealBlock(first.seal)).rejects.toMatchObject({ code: 'SEAL_DOES_NOT_FIT' });
    await expect(store.sealBlock(second.seal)).rejects.toMatchObject({ code: 'SEAL_DOES_NOT_FIT' });
    expect(store.miniBlockNumber()).toBe(1);
    store.appendMiniBlock(defined(first.miniBlocks[1]));
    await store.sealBlock(first.seal);
    await store.close();
  });
});

describe('sealed blocks', () => {
  test('a block read from the database equals the one in memory, whole and by transaction', async () => {
    const builder = builtChain();
    const directory = tempDirectory();
    let store = await openTestStore(builder, { directory });
    await addBlocks(store, builder.blocks);
    const inMemory = [await store.blockByNumber(1), await store.blockByNumber(2)];
    await store.close();

    store = await openTestStore(builder, { directory });
    for (const block of inMemory) {
      expect(await store.blockByNumber(defined(block).header.number)).toEqual(block);
      expect(await store.blockByHash(defined(block).hash)).toEqual(block);
      for (const transaction of defined(block).transactions) {
        expect(await store.transactionByHash(transaction.transaction.hash)).toEqual(transaction);
      }
    }
    expect(await store.blockByNumber(3)).toBeUndefined();
    expect(await store.blockByHash(new Uint8Array(32))).toBeUndefined();
    expect(await store.transactionByHash(new Uint8Array(32))).toBeUndefined();
    await store.close();
  });

  test('the size is that of the RLP block', async () => {
    const builder = builtChain();
    const store = await openTestStore(builder);
    await addBlocks(store, builder.blocks);
    const block = defined(await store.blockByNumber(1));
    const raw = block.transactions.map(({ transaction }) => transaction.raw);
    expect(block.sizeBytes).toBe(encodeRlp([decodeRlp(encodeHeader(block.header)), raw, [], []]).length);
    await store.close();
  });

  test('block 0 is genesis', async () => {
    const builder = new ChainBuilder();
    const store = await openTestStore(builder);
    const genesis = await store.blockByNumber(0);
    expect(genesis).toMatchObject({
      header: builder.genesisHeader,
      hash: builder.genesisHash,
      transactions: [],
      lastMiniBlock: 0,
    });
    expect(await store.blockByHash(builder.genesisHash)).toBe(genesis);
    expect(store.head().hash).toEqual(builder.genesisHash);
    expect(await store.blockStatus(0)).toMatchObject({ rootVerified: true, attestedBy: [] });
    await store.close();
  });

  test('old mini-blocks come from the log as they were', async () => {
    const builder = builtChain();
    const { log, store } = await openTestNode(builder);
    await log.append(recordsOf(builder.blocks));
    await addBlocks(store, builder.blocks);
    const inMemory = [];
    for (let number = 1; number <= 5; number++) inMemory.push(await store.miniBlock(number));

    const directory = tempDirectory();
    const filled = await openTestStore(builder, { directory, log });
    await addBlocks(filled, builder.blocks);
    await filled.close();
    const reopened = await openTestStore(builder, { directory, log });
    for (const [index, expected] of inMemory.entries()) {
      const { miniBlock, env, transactions, gasUsed, firstLogIndex } = defined(expected);
      expect(await reopened.miniBlock(index + 1)).toEqual({ miniBlock, env, transactions, gasUsed, firstLogIndex });
    }
    expect(await reopened.miniBlock(6)).toBeUndefined();
    await reopened.close();
  });

  test('blocks beyond the bound leave memory and are still answered', async () => {
    const builder = new ChainBuilder();
    for (let i = 0; i < 6; i++) builder.block(2, 3);
    const store = await openTestStore(builder, { recentTransactions: 20 });
    await addBlocks(store, builder.blocks);
    const first = defined(await store.blockByNumber(1));
    expect(first.hash).toEqual(builder.blockAt(1).hash);
    expect(await store.blockByNumber(1)).not.toBe(first);
    expect(await store.blockByNumber(6)).toBe(await store.blockByNumber(6));
    await store.close();
  });
});

describe('restart', () => {
  test('head, marks and diffs to verify are as they were; the open block is the log’s to bring back', async () => {
    const builder = builtChain();
    const directory = tempDirectory();
    let store = await openTestStore(builder, { directory });
    await addBlocks(store, builder.blocks);
    await store.markSafe(2);
    await store.markFinalized(1);
    const open = builder.miniBlock([builder.transfer(0)]);
    store.appendMiniBlock(open);
    await store.close();

    store = await openTestStore(builder, { directory });
    expect(store.sealedHead()).toMatchObject({ lastMiniBlock: 5, hash: builder.blockAt(2).hash, seal: builder.blockAt(2).seal });
    expect(store.miniBlockNumber()).toBe(5);
    expect(store.openBlock()).toBeUndefined();
    expect([store.safeNumber(), store.finalizedNumber()]).toEqual([2, 1]);
    expect(await store.blockDiff(2)).toEqual(builder.blockAt(2).diffBytes);
    store.appendMiniBlock(open);
    const sealed = builder.seal();
    await store.sealBlock(sealed.seal);
    expect(store.head().hash).toEqual(sealed.hash);
    await store.close();
  });

  test('another genesis and a newer format are refused by name', async () => {
    const builder = new ChainBuilder();
    const directory = tempDirectory();
    await (await openTestStore(builder, { directory })).close();
    await expect(openTestStore(new ChainBuilder({ name: 'other' }), { directory })).rejects.toMatchObject({
      code: 'GENESIS_MISMATCH',
    });
    const database = await openLevel(directory);
    await database.put(new TextEncoder().encode('\0formatVersion'), Uint8Array.of(0, 0, 0, 0, 0, 3));
    await database.close();
    await expect(openTestStore(builder, { directory })).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
      message: expect.stringContaining('format version 3'),
    });
  });
});

describe('events', () => {
  test('come in chain order, after they are visible, and a failing listener stops nobody', async () => {
    const builder = builtChain();
    const logger = new CapturedErrors();
    const store = await openTestStore(builder, {}, logger);
    const seen: string[] = [];
    store.subscribe(() => {
      throw new TypeError('bad listener');
    });
    const unsubscribe = store.subscribe((event: ChainEvent) => {
      if (event.kind === 'miniBlock')
        seen.push(`mini ${event.miniBlock.miniBlock.envelope.number} of ${store.miniBlockNumber()}`);
      else if (event.kind === 'block')
        seen.push(`block ${event.block.header.number} of ${store.head().header.number} with ${event.miniBlockCount}`);
      else if (event.kind === 'rollback') seen.push(`rollback to ${event.number}`);
      else seen.push(`${event.kind} ${event.blockNumber}`);
    });
    const [first, second] = [builder.blockAt(1), builder.blockAt(2)];
    appendAll(store, first.miniBlocks);
    const sealing = store.sealBlock(first.seal);
    // The next block goes on while the batch is written.
    appendAll(store, second.miniBlocks.slice(0, 1));
    await sealing;
    await store.markSafe(1);
    await store.markSafe(1);
    await store.markSafe(0);
    await store.markFinalized(1);
    unsubscribe();
    appendAll(store, second.miniBlocks.slice(1));
    expect(seen).toEqual(['mini 1 of 1', 'mini 2 of 2', 'block 1 of 1 with 2', 'mini 3 of 3', 'safe 1', 'finalized 1']);
    expect(logger.messages[0]).toContain('bad listener');
    await store.close();
  });
});

describe('verification', () => {
  test('each step of a block shows, and only agreeing attestations count', async () => {
    const builder = builtChain();
    const store = await openTestStore(builder);
    await addBlocks(store, builder.blocks);
    const first = builder.blockAt(1);
    const attestation = {
      proofType: 1,
      blockNumber: 1,
      blockHash: first.hash,
      preStateRoot: builder.genesisHeader.stateRoot,
      postStateRoot: first.seal.header.stateRoot,
      stateDiffDigest: first.seal.stateDiffDigest,
      receiptsRoot: first.seal.header.receiptsRoot,
      lastMiniBlockDigest: first.seal.lastDigest,
      success: true,
      signature: new Uint8Array(65),
    };
    const [a, b] = builder.provers.map(({ address }) => address);
    await store.addAttestation(attestation, defined(a));
    await store.addAttestation({ ...attestation, success: false }, defined(b));
    await store.addAttestation({ ...attestation, preStateRoot: first.hash }, builder.sequencer.address);
    const statuses: number[] = [];
    store.subscribe((event) => event.kind === 'status' && statuses.push(event.blockNumber));
    await store.markRootVerified(1);
    const commitment = new Uint8Array(32).fill(9);
    await store.markDaPosted(1, commitment);
    expect(await store.blockStatus(1)).toEqual({
      blockNumber: 1,
      blockHash: first.hash,
      received: true,
      signatureVerified: true,
      rootVerified: true,
      attestedBy: [a],
      daCommitment: commitment,
    });
    expect(await store.attestations(1)).toHaveLength(3);
    expect(statuses).toEqual([1, 1]);
    expect(await store.blockStatus(2)).toMatchObject({ rootVerified: false, attestedBy: [], daCommitment: undefined });
    expect(await store.blockStatus(3)).toBeUndefined();
    await store.close();
  });

  test('marks above the head, and final above safe, are refused', async () => {
    const builder = builtChain();
    const store = await openTestStore(builder);
    await addBlocks(store, builder.blocks);
    for (const mark of [
      () => store.markSafe(3),
      () => store.markRootVerified(3),
      () => store.markDaPosted(3, new Uint8Array(32)),
    ]) {
      await expect(mark()).rejects.toMatchObject({ code: 'BLOCK_NOT_FOUND' });
    }
    await expect(store.markFinalized(1)).rejects.toMatchObject({ code: 'NOT_SAFE_YET' });
    await store.close();
  });
});
