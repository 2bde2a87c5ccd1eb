import cliProgress from 'cli-progress';

/** Where a run prints; `isTTY` decides whether the progress bar is drawn. */
export type BenchIo = {
  stdout: NodeJS.WritableStream;
  stderr: NodeJS.WritableStream & { isTTY?: boolean };
  /** Ends the run early; what was measured until then is reported. */
  signal?: AbortSignal;
};

/** One bar on stderr, restarted for each phase; silent when stderr is no terminal. */
export class PhaseProgress {
  readonly #bar: cliProgress.SingleBar | undefined;

  constructor(stderr: BenchIo['stderr']) {
    if (!stderr.isTTY) return;
    const format = '{phase} [{bar}] {value}/{total} {duration_formatted}';
    this.#bar = new cliProgress.SingleBar({
      stream: stderr,
      format,
      clearOnComplete: true,
      hideCursor: true,
      barsize: 30,
    });
  }

  start(phase: string, total: number): void {
    this.#bar?.start(total, 0, { phase: phase.padEnd(16) });
  }

  update(value: number): void {
    this.#bar?.update(value);
  }

  stop(): void {
    this.#bar?.stop();
  }
}
