import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ProvenBlock, StateProof, StateProver } from '../../protocol/ports/proofs.ts';
import type { Address, Hash } from '../../protocol/primitives.ts';
import { bytesEqual } from '../../util/bytes.ts';
import { errorMessage, isStrobeError, StrobeError } from '../../util/errors.ts';
import type { HistoryReach } from '../history-reach.ts';
import type { ArchiveMoveReport, RecentBlock } from './archive-trie.ts';
import type { ArchiveTrieHost } from './archive-trie-host.ts';

export interface ArchiveProverOptions {
  /** How long a proof is waited for; the trie goes on to its block, and who asks again finds it nearer. */
  readonly maxWaitMs: number;
  /** Time after which a trie that nobody asks is given up, with its memory. */
  readonly idleMs?: number;
}

export interface ArchiveProverModules {
  /** Proves the newest blocks, and is asked first. */
  readonly recentProofs: StateProver;
  /** Starts the thread with the trie: when a block is asked for that is older. */
  readonly start: () => ArchiveTrieHost;
  readonly reach: Pick<HistoryReach, 'oldest' | 'newest'>;
  /** Undefined: the history does not meet the states in memory at the moment. */
  readonly recentBlock: () => RecentBlock | undefined;
  readonly observer: ArchiveObserver;
  readonly logger: { error(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** Hears what becomes of the trie. */
export interface ArchiveObserver {
  moved(seconds: number, report: ArchiveMoveReport): void;
  /** What is stored of a block did not have its state root. */
  foundWrongRoot(): void;
  dropped(): void;
}

/** Proofs that wait, of some kilobytes each; a move takes seconds, and who waits longer is told to ask again. */
const MAX_WAITING = 64;
/** Pages that people look at, and tools that go through blocks, ask again within it. */
const DEFAULT_IDLE_MS = 5 * 60_000;
/** A rollback is rare and two in one move hardly happen; the third time something else is wrong. */
const MAX_ATTEMPTS = 3;

interface Job {
  readonly block: ProvenBlock;
  readonly address: Address;
  readonly keys: readonly Hash[];
  readonly proof: PromiseWithResolvers<StateProof>;
  readonly timer: NodeJS.Timeout;
}

/**
 * Proves the state of every stored block: the newest ones from views, older ones from a trie that travels to them
 * ({@link ArchiveTrie}), one block after the other in the order in which they were first asked for.
 */
export class ArchiveProver implements StateProver {
  readonly #options: ArchiveProverOptions;
  readonly #modules: ArchiveProverModules;
  /** In the order in which they came. */
  readonly #jobs: Job[] = [];
  #isRunning = false;
  #isStopped = false;
  #host: ArchiveTrieHost | undefined;
  /** Root of the block that the trie is at. */
  #at: Hash | undefined;
  #idle: NodeJS.Timeout | undefined;

  constructor(options: ArchiveProverOptions, modules: ArchiveProverModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** @throws StrobeError besides what the port says: PROOF_TIMEOUT, and what {@link ArchiveTrie.moveTo} throws */
  async prove(block: ProvenBlock, address: Address, keys: readonly Hash[]): Promise<StateProof> {
    if (this.#at === undefined || !bytesEqual(this.#at, block.stateRoot)) {
      try {
        return await this.#modules.recentProofs.prove(block, address, keys);
      } catch (error) {
        if (!isStrobeError(error, 'PROOF_NOT_AVAILABLE')) throw error;
        this.#assertStored(block.number, error);
      }
    }
    return this.#enqueue(block, address, keys);
  }

  /** What waits rejects with THREAD_STOPPED. */
  async stop(): Promise<void> {
    this.#isStopped = true;
    for (const job of [...this.#jobs]) this.#fail(job, new StrobeError('THREAD_STOPPED', 'the node stops'));
    await this.#drop();
  }

  #assertStored(blockNumber: number, error: StrobeError): void {
    const { oldest, newest } = this.#modules.reach;
    if (oldest === undefined || newest === undefined || blockNumber > newest) throw error;
    if (blockNumber < oldest) throw new StrobeError('PROOF_NOT_AVAILABLE', error.message, { ...error.meta, oldest });
  }

  #enqueue(block: ProvenBlock, address: Address, keys: readonly Hash[]): Promise<StateProof> {
    if (this.#isStopped) throw new StrobeError('THREAD_STOPPED', 'the node stops');
    if (this.#jobs.length >= MAX_WAITING) {
      throw new StrobeError('PROOFS_BUSY', 'too many proofs of old blocks wait to be made', { waiting: this.#jobs.length });
    }
    const { maxWaitMs } = this.#options;
    const proof = Promise.withResolvers<StateProof>();
    const timer = setTimeout(() => {
      const message = `no proof after ${maxWaitMs} ms: the state trie is on its way to block ${block.number}, ask again`;
      this.#fail(job, new StrobeError('PROOF_TIMEOUT', message, { blockNumber: block.number }));
    }, maxWaitMs);
    const job: Job = { block, address, keys, proof, timer };
    this.#jobs.push(job);
    clearTimeout(this.#idle);
    if (!this.#isRunning) void this.#run();
    return proof.promise;
  }

  /** Never rejects: what goes wrong goes to those who wait for it. */
  async #run(): Promise<void> {
    this.#isRunning = true;
    for (let next = this.#jobs[0]; next !== undefined; next = this.#jobs[0]) {
      const { block } = next;
      try {
        await this.#goTo(block);
        for (const job of this.#jobsOf(block)) await this.#answer(job);
      } catch (error) {
        for (const job of this.#jobsOf(block)) this.#fail(job, error);
      }
    }
    this.#isRunning = false;
    if (this.#isStopped) return;
    const { idleMs = DEFAULT_IDLE_MS } = this.#options;
    // Nobody waits for it: it must not keep a process from its end.
    this.#idle = setTimeout(() => this.#dropIdle(), idleMs).unref();
  }

  #jobsOf({ stateRoot }: ProvenBlock): Job[] {
    return this.#jobs.filter(({ block }) => bytesEqual(block.stateRoot, stateRoot));
  }

  async #goTo(block: ProvenBlock): Promise<void> {
    const { observer, logger } = this.#modules;
    if (this.#at !== undefined && bytesEqual(this.#at, block.stateRoot)) return;
    this.#at = undefined;
    const startedMs = performance.now();
    const report = await this.#move(block);
    this.#at = block.stateRoot;
    const seconds = (performance.now() - startedMs) / 1_000;
    observer.moved(seconds, report);
    if (report.loadedKeys === 0) return;
    logger.info({ block: block.number, seconds, ...report }, 'a state trie is loaded: old blocks are proven');
  }

  async #move(block: ProvenBlock): Promise<ArchiveMoveReport> {
    for (let attempt = 1; ; attempt++) {
      const recent = this.#modules.recentBlock();
      if (recent === undefined || recent.blockNumber < block.number) throw forgotten(block);
      try {
        return await this.#opened().moveTo({ block, recent });
      } catch (error) {
        if (isStrobeError(error, 'ARCHIVE_ROOT_WRONG')) this.#complain(error);
        if (!isStrobeError(error, 'STATE_FORGOTTEN') || attempt === MAX_ATTEMPTS) throw error;
        // What undid it is told in a turn of its own.
        await nextTurn();
      }
    }
  }

  #complain(error: StrobeError): void {
    const { observer, logger } = this.#modules;
    observer.foundWrongRoot();
    logger.error({ err: error, ...error.meta }, `an old block is not proven: ${error.message}`);
  }

  async #answer(job: Job): Promise<void> {
    const { block, address, keys } = job;
    if (this.#host === undefined) throw new StrobeError('THREAD_STOPPED', 'the state trie is gone');
    const proof = await this.#host.prove({ stateRoot: block.stateRoot, address, keys });
    this.#settle(job);
    job.proof.resolve(proof);
  }

  #fail(job: Job, error: unknown): void {
    this.#settle(job);
    job.proof.reject(error);
  }

  #settle(job: Job): void {
    clearTimeout(job.timer);
    const index = this.#jobs.indexOf(job);
    if (index !== -1) this.#jobs.splice(index, 1);
  }

  #opened(): ArchiveTrieHost {
    if (this.#isStopped) throw new StrobeError('THREAD_STOPPED', 'the node stops');
    if (this.#host !== undefined) return this.#host;
    const host = this.#modules.start();
    this.#host = host;
    host.failed.catch((error: unknown) => {
      this.#modules.logger.error({ err: error }, `proofs of old blocks failed, the next begin anew: ${errorMessage(error)}`);
      if (this.#host === host) this.#forget();
    });
    return host;
  }

  #dropIdle(): void {
    this.#drop().catch((error: unknown) => {
      this.#modules.logger.error({ err: error }, `a state trie was not given up: ${errorMessage(error)}`);
    });
  }

  async #drop(): Promise<void> {
    clearTimeout(this.#idle);
    const host = this.#host;
    this.#forget();
    await host?.stop();
  }

  #forget(): void {
    this.#host = undefined;
    this.#at = undefined;
    this.#modules.observer.dropped();
  }
}

function forgotten({ number }: ProvenBlock): StrobeError {
  return new StrobeError('STATE_FORGOTTEN', `the state of block ${number} was undone, or is not stored any more`, {
    blockNumber: number,
  });
}
