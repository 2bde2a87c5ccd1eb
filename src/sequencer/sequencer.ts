import type { BlockEnvironment } from '../protocol/block-header.ts';
import { HEARTBEAT_INTERVAL_MS, IDLE_BEAT_MS } from '../protocol/limits.ts';
import { attestationLag } from './attestation-lag.ts';
import { openEnvironment } from './block-environment.ts';
import { BlockSealer, type PendingSeal, type SealedHeader } from './block-sealer.ts';
import { HeartbeatSender } from './heartbeat.ts';
import { type ExecutedBatch, gasBudget, MiniBlockBuilder } from './mini-block-builder.ts';
import { MiniBlockCommitter } from './mini-block-committer.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';
import { Timetable } from './timetable.ts';

/** How often expired transactions are looked for, ms: lifetimes are hours. */
const EXPIRY_SWEEP_MS = 60_000;

interface BuildingBlock {
  readonly env: BlockEnvironment;
  readonly endMs: number;
  gasUsed: bigint;
  recordBytes: number;
  /** True when the next transaction in order does not fit into its gas limit, its witness or its records. */
  isFull: boolean;
  /** True before its first mini-block, which exists even without transactions. */
  isEmpty: boolean;
}

interface PendingCommit {
  readonly done: Promise<void>;
  isSettled: boolean;
}

/**
 * The loop that turns pooled transactions into mini-blocks and mini-blocks into EVM blocks. It is the only writer of
 * the chain; when it fails, {@link Sequencer.run} rejects and the process must end.
 */
export class Sequencer {
  readonly #options: SequencerOptions;
  readonly #modules: SequencerModules;
  readonly #timetable: Timetable;
  readonly #builder: MiniBlockBuilder;
  readonly #committer: MiniBlockCommitter;
  readonly #sealer: BlockSealer;
  readonly #heartbeat: HeartbeatSender;
  readonly #stop = new AbortController();
  readonly #epoch: number;
  /** The block that mini-blocks are built for; chain state knows it once its first mini-block is durable. */
  #building: BuildingBlock | undefined;
  /** The sealed block that the next one builds on; its seal may still be on the way. */
  #parent: SealedHeader;
  /** The mini-block or seal that is becoming durable while the next mini-block is executed. */
  #commit: PendingCommit | undefined;
  /** The newest sealed block on its way into the database. */
  #stored: Promise<unknown> = Promise.resolve();
  #lastSealMs: number;
  #lastBeginMs: number | undefined;
  /** Since when there is something to execute; undefined without. */
  #workSinceMs: number | undefined;
  #wasSlowedDown = false;
  #wake: () => void = () => {};

  /** `epoch` is the one that the log's newest EpochStart opened; an open block of before a restart is sealed first. */
  constructor(options: SequencerOptions & { readonly epoch: number }, modules: SequencerModules) {
    this.#options = options;
    this.#modules = modules;
    this.#epoch = options.epoch;
    const { blockIntervalMs } = options.genesis;
    this.#timetable = new Timetable({ miniBlockIntervalMs: options.miniBlockIntervalMs, blockIntervalMs });
    this.#builder = new MiniBlockBuilder({
      engine: modules.engine,
      world: modules.world,
      mempool: modules.mempool,
      nowMs: () => modules.clock.elapsedMs(),
      onRejected: (pooled, code, message) => {
        modules.metrics.recordRejected(code);
        modules.logger.debug({ hash: Buffer.from(pooled.transaction.hash).toString('hex'), code }, `dropped: ${message}`);
      },
    });
    this.#committer = new MiniBlockCommitter(options, modules);
    this.#sealer = new BlockSealer(options, modules);
    this.#heartbeat = new HeartbeatSender(options, modules);
    this.#parent = modules.chain.head();
    this.#lastSealMs = modules.clock.elapsedMs();
  }

  /** A transaction came in: the loop need not wait for its next beat. */
  wake(): void {
    this.#workSinceMs ??= this.#modules.clock.elapsedMs();
    this.#wake();
  }

  /** Runs until {@link Sequencer.stop}; rejects when a step fails, since nothing behind it could be trusted. */
  async run(): Promise<void> {
    const { mempool, logger } = this.#modules;
    const sweep = setInterval(() => {
      const expired = mempool.expire();
      if (expired > 0) logger.info({ expired }, 'dropped transactions that waited too long');
    }, EXPIRY_SWEEP_MS);
    this.#resume();
    this.#heartbeat.start(this.#epoch);
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) await this.#step(signal);
      await this.#commit?.done;
      await this.#stored;
    } finally {
      clearInterval(sweep);
      this.#heartbeat.stop();
    }
  }

  /** Ends the loop after the step under way; the open block stays open and goes on after a restart. */
  stop(): void {
    this.#stop.abort();
    this.#wake();
  }

  /** A block that was open before a restart is sealed as soon as the loop runs. */
  #resume(): void {
    const open = this.#modules.chainState.openBlock();
    if (open === undefined) return;
    this.#building = { env: open.env, endMs: 0, gasUsed: open.gasUsed, recordBytes: 0, isFull: false, isEmpty: false };
  }

  async #step(signal: AbortSignal): Promise<void> {
    const nowMs = this.#modules.clock.elapsedMs();
    if (this.#building !== undefined && nowMs >= this.#building.endMs) {
      await this.#commit?.done;
      await this.#sealBlock();
      return;
    }
    const dueMs = this.#nextDueMs(nowMs);
    if (dueMs > nowMs) {
      await this.#waitUntil(dueMs, signal);
      return;
    }
    await this.#produce(nowMs);
  }

  /** When the loop has to act next; a wake-up asks again. */
  #nextDueMs(nowMs: number): number {
    const building = this.#building;
    const beginMs = this.#timetable.nextBeginMs();
    const hasWork = this.#modules.mempool.readyCount > 0 && building?.isFull !== true;
    if (building !== undefined) return hasWork ? Math.min(beginMs, building.endMs) : building.endMs;
    return hasWork ? beginMs : Math.max(this.#lastSealMs + IDLE_BEAT_MS, nowMs);
  }

  async #waitUntil(timeMs: number, signal: AbortSignal): Promise<void> {
    const commit = this.#commit;
    if (commit?.isSettled) {
      this.#commit = undefined;
      await commit.done;
    }
    const delayMs = Math.min(Math.max(timeMs - this.#modules.clock.elapsedMs(), 0), HEARTBEAT_INTERVAL_MS);
    const { promise, resolve } = Promise.withResolvers<void>();
    if (signal.aborted) return;
    const timer = setTimeout(resolve, delayMs);
    this.#wake = resolve;
    // A commit that fails must show now and not at the next transaction.
    await Promise.race([promise, ...(this.#commit === undefined ? [] : [this.#commit.done])]);
    clearTimeout(timer);
  }

  async #open(): Promise<BuildingBlock> {
    const { clock, engine, mempool } = this.#modules;
    const wallMs = clock.nowMs();
    // Read behind the wall clock: a pause in between may make the block longer, but never end it in its own second.
    const elapsedMs = clock.elapsedMs();
    const env = openEnvironment(this.#parent, this.#options.genesis, wallMs);
    const endMs = elapsedMs + this.#timetable.blockEndMs(wallMs, env.timestamp) - wallMs;
    await engine.beginBlock(env);
    mempool.openBlock(env.baseFeePerGas);
    return { env, endMs, gasUsed: 0n, recordBytes: 0, isFull: false, isEmpty: true };
  }

  /** Executes one mini-block; it becomes durable while the next one is executed. */
  async #produce(nowMs: number): Promise<void> {
    const { clock } = this.#modules;
    this.#building ??= await this.#open();
    const building = this.#building;
    const { executeUntilMs } = this.#timetable.begin(nowMs);
    const batch = await this.#builder.build(building.env, {
      executeUntilMs,
      isWaiting: () => this.#commit?.isSettled === false,
      blockGasUsed: building.gasUsed,
      blockRecordBytes: building.recordBytes,
      gasBudget: this.#gasBudget(),
    });
    building.isFull = batch.blockFull;
    if (batch.transactions.length === 0 && !building.isEmpty) return;
    building.gasUsed += batch.gasUsed;
    building.recordBytes += batch.recordBytes;
    building.isEmpty = false;
    const executionMs = clock.elapsedMs() - nowMs;
    await this.#commit?.done;
    this.#commit = this.#startCommit(building.env, batch, { beginMs: nowMs, executionMs });
  }

  #startCommit(env: BlockEnvironment, batch: ExecutedBatch, timing: { beginMs: number; executionMs: number }): PendingCommit {
    const { clock, metrics } = this.#modules;
    const startMs = clock.elapsedMs();
    const intervalSeconds = this.#intervalSeconds(timing.beginMs);
    const done = this.#committer.commit(env, batch, this.#epoch).then(({ miniBlock }) => {
      metrics.recordMiniBlock({
        number: miniBlock.envelope.number,
        intervalSeconds,
        executionSeconds: timing.executionMs / 1000,
        commitSeconds: (clock.elapsedMs() - startMs) / 1000,
        transactions: batch.transactions.length,
        gasUsed: batch.gasUsed,
        diffBytes: miniBlock.diffPayload.length,
        bodyBytes: miniBlock.bodyPayload.length,
      });
    });
    return pendingCommit(done);
  }

  /** Time since the last mini-block began, without the time in which there was nothing to do. */
  #intervalSeconds(beginMs: number): number | undefined {
    const previous = this.#lastBeginMs;
    const workSince = this.#workSinceMs;
    this.#lastBeginMs = beginMs;
    this.#workSinceMs = this.#modules.mempool.readyCount > 0 ? beginMs : undefined;
    if (previous === undefined || workSince === undefined) return undefined;
    return (beginMs - Math.max(previous, workSince - this.#options.miniBlockIntervalMs)) / 1000;
  }

  #gasBudget(): bigint {
    return gasBudget(attestationLag(this.#modules.chain, this.#options.genesis.maxUnattestedBlocks).isSlowedDown);
  }

  #reportAttestationLag(): void {
    const { chain, logger } = this.#modules;
    const { isSlowedDown, unattestedBlocks } = attestationLag(chain, this.#options.genesis.maxUnattestedBlocks);
    if (isSlowedDown && !this.#wasSlowedDown) {
      logger.warn({ unattestedBlocks }, 'provers are too far behind: the gas budget is cut to a tenth');
    } else if (!isSlowedDown && this.#wasSlowedDown) {
      logger.info({ unattestedBlocks }, 'provers are near enough again: the gas budget is whole');
    }
    this.#wasSlowedDown = isSlowedDown;
  }

  /** Begins to seal; the next block is executed on the header while the seal becomes durable. */
  async #sealBlock(): Promise<void> {
    const { clock } = this.#modules;
    const startMs = clock.elapsedMs();
    const sealing = this.#sealer.seal(this.#epoch);
    this.#parent = await sealing.parent;
    this.#commit = pendingCommit(this.#finishSeal(sealing.done, { startMs, headerMs: clock.elapsedMs() }));
    this.#building = undefined;
    this.#lastSealMs = clock.elapsedMs();
  }

  async #finishSeal(sealing: PendingSeal['done'], timing: { startMs: number; headerMs: number }): Promise<void> {
    const { clock, metrics, logger } = this.#modules;
    const { seal, stored } = await sealing;
    // Whoever awaits it next fails; a rejection before that, or when the one before fails, is not unhandled.
    stored.catch(() => {});
    // One block may be on its way into the database while the next one is filled.
    await this.#stored;
    this.#stored = stored;
    const { number } = seal.header;
    metrics.recordBlockSealed({
      stallSeconds: (timing.headerMs - timing.startMs) / 1000,
      sealSeconds: (clock.elapsedMs() - timing.startMs) / 1000,
      witnessBytes: seal.witnessBytes,
      number,
    });
    this.#reportAttestationLag();
    logger.debug({ number, miniBlocks: seal.lastNumber - seal.firstNumber + 1 }, 'sealed a block');
  }
}

function pendingCommit(done: Promise<void>): PendingCommit {
  const commit = { done, isSettled: false };
  const settle = (): void => {
    commit.isSettled = true;
  };
  // The next step awaits it and fails; a rejection before that is not unhandled.
  done.then(settle, settle);
  return commit;
}
