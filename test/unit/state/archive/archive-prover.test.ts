import { setImmediate as nextTurn } from 'node:timers/promises';
import { expect, onTestFinished, test, vi } from 'vitest';
import type { ProvenBlock, StateProof } from '../../../../src/protocol/ports/proofs.ts';
import { ArchiveProver } from '../../../../src/state/archive/archive-prover.ts';
import type { ArchiveMoveRequest } from '../../../../src/state/archive/archive-trie.ts';
import type { ArchiveTrieHost } from '../../../../src/state/archive/archive-trie-host.ts';
import { bytesEqual } from '../../../../src/util/bytes.ts';
import { StrobeError } from '../../../../src/util/errors.ts';

const ADDRESS = new Uint8Array(20);
/** Blocks from here on have views. */
const VIEWS_FROM = 90;
const blockOf = (number: number): ProvenBlock => ({ number, stateRoot: new Uint8Array(32).fill(number) });
const proofOf = (number: number): StateProof => ({ account: undefined, accountProof: [Uint8Array.of(number)], slots: [] });

/** A prover whose thread moves when it is let. */
class Kit {
  readonly moves: number[] = [];
  readonly errors: string[] = [];
  started = 0;
  stopped = 0;
  dropped = 0;
  wrongRoots = 0;
  recent: number | undefined = 100;
  oldest = 1;
  /** What the next moves throw. */
  readonly failures: StrobeError[] = [];
  #gate: Promise<void> = Promise.resolve();
  #death = Promise.withResolvers<never>();
  readonly prover: ArchiveProver;

  constructor(options: { maxWaitMs?: number; idleMs?: number } = {}) {
    const kit = this;
    this.prover = new ArchiveProver(
      { maxWaitMs: 5_000, ...options },
      {
        recentProofs: {
          prove: async ({ number }) => {
            if (number >= VIEWS_FROM) return proofOf(number);
            throw new StrobeError('PROOF_NOT_AVAILABLE', 'no state with this root is kept', { blocks: 11 });
          },
        },
        start: () => this.#start(),
        reach: {
          get oldest() {
            return kit.oldest;
          },
          newest: 100,
        },
        recentBlock: () =>
          this.recent === undefined
            ? undefined
            : {
                blockNumber: this.recent,
                moment: { number: 1, serial: 1, mark: { accounts: 0, slots: 0, codes: 0 }, rollbacks: 0 },
              },
        observer: {
          moved: () => {},
          foundWrongRoot: () => void this.wrongRoots++,
          dropped: () => void this.dropped++,
        },
        logger: { error: (_, message) => void this.errors.push(message), info: () => {} },
      },
    );
    onTestFinished(() => this.prover.stop());
  }

  prove(number: number): Promise<StateProof> {
    return this.prover.prove(blockOf(number), ADDRESS, []);
  }

  /** Moves wait until what is returned is called. */
  hold(): () => void {
    const gate = Promise.withResolvers<void>();
    this.#gate = gate.promise;
    return () => gate.resolve();
  }

  die(): void {
    this.#death.reject(new StrobeError('THREAD_DIED', 'out of memory'));
  }

  #start(): ArchiveTrieHost {
    this.started++;
    this.#death = Promise.withResolvers<never>();
    const { promise: failed } = this.#death;
    let at: ProvenBlock | undefined;
    return {
      moveTo: async ({ block }: ArchiveMoveRequest) => {
        this.moves.push(block.number);
        await Promise.race([this.#gate, failed]);
        const failure = this.failures.shift();
        if (failure !== undefined) throw failure;
        at = block;
        return { loadedKeys: 0, changedKeys: 1, trieBytes: 1 };
      },
      prove: async ({ stateRoot }) => {
        if (at === undefined || !bytesEqual(at.stateRoot, stateRoot)) throw new StrobeError('PROOF_NOT_AVAILABLE', 'elsewhere');
        return proofOf(at.number);
      },
      stop: async () => void this.stopped++,
      failed,
    };
  }
}

test('recent blocks are proven without the thread, older ones with it, and those at which it is at once', async () => {
  const kit = new Kit();
  expect(await kit.prove(95)).toEqual(proofOf(95));
  expect(kit.started).toBe(0);
  for (const number of [5, 5, 6, 95, 6]) expect(await kit.prove(number)).toEqual(proofOf(number));
  expect(kit.moves).toEqual([5, 6]);
  expect(kit.started).toBe(1);
});

test('a block that is not stored gets no thread, and the answer says from where on there are proofs', async () => {
  const kit = new Kit();
  kit.oldest = 50;
  await expect(kit.prove(49)).rejects.toMatchObject({ code: 'PROOF_NOT_AVAILABLE', meta: { blocks: 11, oldest: 50 } });
  expect(kit.started).toBe(0);
});

test('who waits for one block is answered in one go, blocks in the order in which they were first asked for', async () => {
  const kit = new Kit();
  const release = kit.hold();
  const answers = [5, 7, 5, 6, 7, 5].map((number) => kit.prove(number));
  await vi.waitUntil(() => kit.moves.length === 1);
  release();
  expect(await Promise.all(answers)).toEqual([5, 7, 5, 6, 7, 5].map(proofOf));
  expect(kit.moves).toEqual([5, 7, 6]);
});

test('too many that wait are refused, and taken again later', async () => {
  const kit = new Kit();
  const release = kit.hold();
  const waiting = Array.from({ length: 64 }, () => kit.prove(5));
  await vi.waitUntil(() => kit.moves.length === 1);
  await expect(kit.prove(5)).rejects.toMatchObject({ code: 'PROOFS_BUSY' });
  release();
  await Promise.all(waiting);
  expect(await kit.prove(6)).toEqual(proofOf(6));
});

test('who waits too long is told to ask again, and finds the trie there', async () => {
  const kit = new Kit({ maxWaitMs: 20 });
  const release = kit.hold();
  const [first, other] = await Promise.allSettled([kit.prove(5), kit.prove(6)]);
  expect(first).toMatchObject({ reason: { code: 'PROOF_TIMEOUT', message: expect.stringContaining('ask again') } });
  expect(other).toMatchObject({ reason: { code: 'PROOF_TIMEOUT' } });
  release();
  await nextTurn();
  expect(await kit.prove(5)).toEqual(proofOf(5));
  // Nobody waited for the other block any more.
  expect(kit.moves).toEqual([5]);
});

test('a state that was given up under way is taken anew, three times at most', async () => {
  const kit = new Kit();
  const forgotten = () => new StrobeError('STATE_FORGOTTEN', 'gone');
  kit.failures.push(forgotten(), forgotten());
  expect(await kit.prove(5)).toEqual(proofOf(5));
  kit.failures.push(forgotten(), forgotten(), forgotten());
  await expect(kit.prove(6)).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
  kit.recent = undefined;
  await expect(kit.prove(7)).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
  kit.recent = 6;
  await expect(kit.prove(7)).rejects.toMatchObject({ code: 'STATE_FORGOTTEN' });
  expect(await kit.prove(6)).toEqual(proofOf(6));
});

test('a wrong root is told to whoever asked, logged and counted, and the next block is proven', async () => {
  const kit = new Kit();
  kit.failures.push(new StrobeError('ARCHIVE_ROOT_WRONG', 'not the root of block 5'));
  const outcomes = await Promise.allSettled([kit.prove(5), kit.prove(5), kit.prove(6)]);
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'fulfilled']);
  expect(outcomes[1]).toMatchObject({ reason: { code: 'ARCHIVE_ROOT_WRONG' } });
  expect(kit.wrongRoots).toBe(1);
  expect(kit.errors).toEqual([expect.stringContaining('not the root of block 5')]);
});

test('a trie that nobody asks is given up with its thread, and loaded again', async () => {
  const kit = new Kit({ idleMs: 10 });
  await kit.prove(5);
  await vi.waitUntil(() => kit.stopped === 1);
  expect(kit.dropped).toBe(1);
  expect(await kit.prove(5)).toEqual(proofOf(5));
  expect(kit.moves).toEqual([5, 5]);
  expect(kit.started).toBe(2);
});

test('a thread that dies takes down those who wait for it, and the next get another', async () => {
  const kit = new Kit();
  const release = kit.hold();
  const waiting = kit.prove(5);
  await vi.waitUntil(() => kit.moves.length === 1);
  kit.die();
  await expect(waiting).rejects.toMatchObject({ code: 'THREAD_DIED' });
  expect(kit.errors).toEqual([expect.stringContaining('out of memory')]);
  release();
  expect(await kit.prove(5)).toEqual(proofOf(5));
  expect(kit.started).toBe(2);
});

test('what waits when the node stops is refused, and nothing starts after it', async () => {
  const kit = new Kit();
  const release = kit.hold();
  const waiting = Promise.allSettled([kit.prove(5), kit.prove(6)]);
  await vi.waitUntil(() => kit.moves.length === 1);
  await kit.prover.stop();
  expect((await waiting).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
  release();
  await expect(kit.prove(5)).rejects.toMatchObject({ code: 'THREAD_STOPPED' });
  expect(kit.stopped).toBe(1);
  expect(kit.started).toBe(1);
});
