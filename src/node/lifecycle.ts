import type { Logger } from '../observability/logger.ts';
import { isStrobeError } from '../util/errors.ts';
import type { RunningNode } from './running-node.ts';

interface Part {
  readonly name: string;
  readonly stop: () => Promise<void> | void;
}

/**
 * Collects the parts of a node as they start and closes them in reverse: what serves users first, what it stands on
 * last. A loop that dies ends the node.
 */
export class Lifecycle {
  readonly #logger: Logger;
  readonly #parts: Part[] = [];
  readonly #loops: Promise<void>[] = [];
  readonly #stop = new AbortController();
  #stopped: Promise<void> | undefined;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Aborts when the node stops: the signal for every loop. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Registers how to close a part that has just started. */
  onStop(name: string, stop: Part['stop']): void {
    this.#parts.push({ name, stop });
  }

  /** Registers a loop: its rejection, or its end before a stop, ends the node. */
  watch(loop: Promise<void>): void {
    // Rejections are handled by whoever awaits run(); until then they are not unhandled.
    loop.catch(() => {});
    this.#loops.push(loop);
  }

  /** Closes what has started already when starting the rest failed; then throws that error. */
  async fail(error: unknown): Promise<never> {
    // What does not close is logged; why the start failed is what matters.
    await this.stop().catch(() => undefined);
    throw error;
  }

  node(): RunningNode {
    return { run: () => this.#run(), stop: () => this.stop() };
  }

  async #run(): Promise<void> {
    const stopped = new Promise<void>((resolve) => {
      this.signal.addEventListener('abort', () => resolve(), { once: true });
      if (this.signal.aborted) resolve();
    });
    await Promise.race([stopped, ...this.#loops.map((loop) => this.#endless(loop, stopped))]);
    await this.stop();
  }

  /** A loop that ends by itself must not end the node quietly; its failure does, loudly. */
  async #endless(loop: Promise<void>, stopped: Promise<void>): Promise<void> {
    try {
      await loop;
    } catch (error) {
      // What the stop itself cut short is no failure.
      if (!this.signal.aborted) throw error;
    }
    await stopped;
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#close();
    return this.#stopped;
  }

  async #close(): Promise<void> {
    this.#stop.abort();
    let failure: unknown;
    // What is closed is let go, and what waits for loops with it: a node that begins anew has no room for two states.
    this.#loops.length = 0;
    for (let part = this.#parts.pop(); part !== undefined; part = this.#parts.pop()) {
      const { name, stop } = part;
      try {
        await stop();
      } catch (error) {
        const code = isStrobeError(error) ? error.code : undefined;
        this.#logger.error({ err: error, code, part: name }, `could not close ${name}`);
        failure ??= error;
      }
    }
    if (failure !== undefined) throw failure;
  }
}
