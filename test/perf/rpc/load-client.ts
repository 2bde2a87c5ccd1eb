import { type ChildProcess, fork, type StdioOptions } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { StrobeError } from '../../../src/util/errors.ts';
import type { LoadAnswer, ReadJob, ReadOutcome, SyncJob, SyncOutcome } from './load-jobs.ts';

/** Beyond what a job should take: a busy machine must not end the run, a dead client must. */
const GRACE_MS = 120_000;
/** Of a synchronous send with the pause before it. */
const SEND_MS = 100;

/** The process that loads the servers, the same for all of them. */
export class LoadClient implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;

  constructor() {
    const stdio: StdioOptions = ['ignore', 'inherit', 'inherit', 'ipc'];
    this.#child = fork(join(import.meta.dirname, 'load-process.ts'), { stdio });
    this.#exited = once(this.#child, 'exit');
  }

  run(job: ReadJob): Promise<ReadOutcome>;
  run(job: SyncJob): Promise<SyncOutcome>;
  /** One job at a time. @throws StrobeError BENCH_CLIENT_FAILED */
  async run(job: ReadJob | SyncJob): Promise<ReadOutcome | SyncOutcome> {
    this.#child.send(job);
    const expectedMs = job.kind === 'reads' ? job.maxMs : job.transactions.length * SEND_MS;
    const answered = once(this.#child, 'message', { signal: AbortSignal.timeout(expectedMs + GRACE_MS) });
    const ended = this.#exited.then(() => [{ error: 'the client ended' }]);
    const [answer] = (await Promise.race([answered, ended])) as [LoadAnswer];
    if ('error' in answer) throw new StrobeError('BENCH_CLIENT_FAILED', answer.error);
    return answer.outcome;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    await this.#exited;
  }
}
