import type { PooledBytes } from '../protocol/ports/pool.ts';
import { MAX_PENDING_HANDOVER_BYTES } from './network-limits.ts';

export interface PendingHandoverModules {
  /** Resolves when the other thread has taken it. */
  readonly send: (pooled: PooledBytes) => Promise<void>;
  readonly onSkipped: (count: number) => void;
}

/** New transactions on their way to the other thread, which may be busy: those beyond the bound are skipped. */
export class PendingHandover {
  readonly #modules: PendingHandoverModules;
  #bytes = 0;

  constructor(modules: PendingHandoverModules) {
    this.#modules = modules;
  }

  push(pooled: PooledBytes): void {
    const { length } = pooled.raw;
    if (this.#bytes + length > MAX_PENDING_HANDOVER_BYTES) {
      this.#modules.onSkipped(1);
      return;
    }
    this.#bytes += length;
    void this.#send(pooled);
  }

  /** Never rejects. */
  async #send(pooled: PooledBytes): Promise<void> {
    try {
      await this.#modules.send(pooled);
    } catch {
      // The other thread stops, and whoever watched goes with it.
      this.#modules.onSkipped(1);
    }
    this.#bytes -= pooled.raw.length;
  }
}

/** Counts what is skipped in one thread and tells another, one message at a time. */
export class SkippedCount {
  readonly #tell: (count: number) => Promise<void>;
  #count = 0;
  #isTelling = false;

  constructor(tell: (count: number) => Promise<void>) {
    this.#tell = tell;
  }

  add(count: number): void {
    this.#count += count;
    if (!this.#isTelling) void this.#run();
  }

  /** Never rejects. */
  async #run(): Promise<void> {
    this.#isTelling = true;
    while (this.#count > 0) {
      const count = this.#count;
      this.#count = 0;
      // A thread that stops counts no more.
      await this.#tell(count).catch(() => undefined);
    }
    this.#isTelling = false;
  }
}
