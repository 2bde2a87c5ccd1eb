import { HEARTBEAT_INTERVAL_MS, IDLE_BEAT_MS } from '../protocol/limits.ts';
import { BlockSealer } from './block-sealer.ts';
import { openEnvironment } from './block-environment.ts';
import { HeartbeatSender } from './heartbeat.ts';
import { gasBudget, MiniBlockBuilder } from './mini-block-builder.ts';
import { MiniBlockCommitter } from './mini-block-committer.ts';
import type { SequencerModules, SequencerOptions } from './sequencer-modules.ts';
import { Timetable } from './timetable.ts';

/** How often expired transactions are looked for, ms: lifetimes are hours. */
const EXPIRY_SWEEP_MS = 60_000;

/** Intervals above this many times the setting are pauses without work, not a slow clock. */
const PAUSE_FACTOR = 20;

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
  #epoch: number;
  #blockEndMs = 0;
  #blockFull = false;
  #lastSealMs: number;
  #lastBeginMs: number | undefined;
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
      mempool: modules.mempool,
      nowMs: () => modules.clock.nowMs(),
      onRejected: (pooled, code, message) => {
        modules.metrics.recordRejected(code);
        modules.logger.debug({ hash: Buffer.from(pooled.transaction.hash).toString('hex'), code }, `dropped: ${message}`);
      },
    });
    this.#committer = new MiniBlockCommitter(options, modules);
    this.#sealer = new BlockSealer(options, modules);
    this.#heartbeat = new HeartbeatSender(options, modules);
    this.#lastSealMs = modules.clock.nowMs();
  }

  /** A transaction came in: the loop need not wait for its next beat. */
  wake(): void {
    this.#wake();
  }

  /** Runs until {@link Sequencer.stop}; rejects when a step fails, since nothing behind it could be trusted. */
  async run(): Promise<void> {
    const { mempool, logger } = this.#modules;
    const sweep = setInterval(() => {
      const expired = mempool.expire();
      if (expired > 0) logger.info({ expired }, 'dropped transactions that waited too long');
    }, EXPIRY_SWEEP_MS);
    this.#heartbeat.start(this.#epoch);
    const { signal } = this.#stop;
    try {
      while (!signal.aborted) await this.#step(signal);
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

  async #step(signal: AbortSignal): Promise<void> {
    const nowMs = this.#modules.clock.nowMs();
    const open = this.#modules.chainState.openBlock();
    if (open !== undefined && nowMs >= this.#blockEndMs) {
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
    const { mempool, chainState } = this.#modules;
    const beginMs = this.#timetable.nextBeginMs();
    const open = chainState.openBlock() !== undefined;
    if (mempool.readyCount > 0 && !(open && this.#blockFull)) return open ? Math.min(beginMs, this.#blockEndMs) : beginMs;
    return open ? this.#blockEndMs : Math.max(this.#lastSealMs + IDLE_BEAT_MS, nowMs);
  }

  #waitUntil(timeMs: number, signal: AbortSignal): Promise<void> {
    const delayMs = Math.min(Math.max(timeMs - this.#modules.clock.nowMs(), 0), HEARTBEAT_INTERVAL_MS);
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const timer = setTimeout(resolve, delayMs);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  async #produce(nowMs: number): Promise<void> {
    const { chainState, chain, clock, engine, mempool, metrics } = this.#modules;
    let env = chainState.openBlock()?.env;
    if (env === undefined) {
      env = openEnvironment(chain.head(), this.#options.genesis, nowMs);
      this.#blockEndMs = this.#timetable.blockEndMs(nowMs);
      this.#blockFull = false;
      await engine.beginBlock(env);
      mempool.openBlock(env.baseFeePerGas);
    }
    const isFirst = chainState.openBlock() === undefined;
    const blockGasUsed = chainState.openBlock()?.gasUsed ?? 0n;
    const { executeUntilMs } = this.#timetable.begin(nowMs);
    const batch = await this.#builder.build(env, { executeUntilMs, blockGasUsed, gasBudget: this.#gasBudget() });
    if (batch.transactions.length === 0) this.#blockFull = mempool.readyCount > 0;
    if (batch.transactions.length === 0 && !isFirst) return;
    const executedMs = clock.nowMs();
    const applied = await this.#committer.commit(env, batch, this.#epoch);
    metrics.recordMiniBlock({
      number: applied.miniBlock.envelope.number,
      intervalSeconds: this.#intervalSeconds(nowMs),
      executionSeconds: (executedMs - nowMs) / 1000,
      commitSeconds: (clock.nowMs() - executedMs) / 1000,
      transactions: batch.transactions.length,
      gasUsed: batch.gasUsed,
      diffBytes: applied.miniBlock.diffPayload.length,
      bodyBytes: applied.miniBlock.bodyPayload.length,
    });
  }

  #intervalSeconds(beginMs: number): number | undefined {
    const previous = this.#lastBeginMs;
    this.#lastBeginMs = beginMs;
    if (previous === undefined || beginMs - previous > this.#options.miniBlockIntervalMs * PAUSE_FACTOR) return undefined;
    return (beginMs - previous) / 1000;
  }

  #gasBudget() {
    const { chain } = this.#modules;
    const unattested = chain.head().header.number - (chain.safeNumber() ?? 0);
    return gasBudget(unattested, this.#options.genesis.maxUnattestedBlocks);
  }

  async #sealBlock(): Promise<void> {
    const { clock, metrics, logger, chain } = this.#modules;
    const startMs = clock.nowMs();
    const { block, witnessBytes } = await this.#sealer.seal(this.#epoch);
    this.#lastSealMs = clock.nowMs();
    metrics.recordBlockSealed({
      stallSeconds: (this.#lastSealMs - startMs) / 1000,
      witnessBytes,
      transactions: block.transactions.length,
      number: block.header.number,
    });
    const unattested = block.header.number - (chain.safeNumber() ?? 0);
    if (unattested === this.#options.genesis.maxUnattestedBlocks) {
      logger.warn({ unattested }, 'provers are too far behind: the gas budget is cut to a tenth');
    }
    logger.debug({ number: block.header.number, transactions: block.transactions.length }, 'sealed a block');
  }
}
