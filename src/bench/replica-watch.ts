import { errorMessage } from '../util/errors.ts';
import { endpointsOf } from './bench-options.ts';
import type { ReplicaReport } from './bench-report.ts';
import type { ChangeSignal } from './change-signal.ts';
import { InclusionObserver, type ObserverMode } from './inclusion-observer.ts';
import { LatencyHistogram } from './latency-histogram.ts';
import { type HashIndex, VisibilityLog } from './visibility-log.ts';

/** Watches one replica during a run. Losing it does not end the run: the report says why numbers are missing. */
export class ReplicaWatch {
  readonly visibility: VisibilityLog;
  readonly #url: string;
  readonly #changes: ChangeSignal;
  readonly #observer: InclusionObserver;
  #mode: ObserverMode | null = null;
  #error: string | null = null;

  constructor(url: string, index: HashIndex, changes: ChangeSignal) {
    this.#url = url;
    this.#changes = changes;
    this.visibility = new VisibilityLog(index);
    this.#observer = new InclusionObserver(endpointsOf(url).wsUrl, {
      onInclusion: ({ hashes, atMs }) => {
        if (this.visibility.record(hashes, atMs).length > 0) changes.notify();
      },
      onLost: (error) => this.#fail(error),
    });
  }

  get error(): string | null {
    return this.#error;
  }

  async start(): Promise<void> {
    try {
      this.#mode = await this.#observer.start();
    } catch (error) {
      this.#observer.stop();
      this.#fail(error);
    }
  }

  stop(): void {
    this.#observer.stop();
  }

  /** Compares with what the sequencer's subscription showed; both clocks are this process's. */
  report(sequencer: VisibilityLog, transactions: number): ReplicaReport {
    const delays = new LatencyHistogram();
    for (let index = 0; index < transactions; index++) {
      const here = this.visibility.seenAtMs(index);
      const there = sequencer.seenAtMs(index);
      if (here !== undefined && there !== undefined) delays.recordMs(here - there);
    }
    const { seenCount: seen } = this.visibility;
    return { url: this.#url, mode: this.#mode, seen, delay: delays.summary(), error: this.#error };
  }

  #fail(error: unknown): void {
    this.#error = errorMessage(error);
    this.#changes.notify();
  }
}
