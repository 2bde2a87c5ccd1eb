import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { StrobeError } from '../../src/util/errors.ts';
import { waitFor } from './wait-for.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const ENTRY = join(ROOT, 'src', 'cli', 'main.ts');

/** A role starts in 2 to 3 s on an idle machine; a busy one with two cores takes several times that. */
export const READY_TIMEOUT_MS = 90_000;
/** Output kept for the report of a failed wait. */
const MAX_KEPT_OUTPUT = 256 * 1024;
const REPORTED_LINES = 15;
/** `/ready` answers from memory, but its process may be busy. */
const REQUEST_TIMEOUT_MS = 5_000;

export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

const running = new Set<NodeProcess>();
// Whatever ends the test run, no process outlives it.
process.once('exit', () => {
  for (const started of running) started.kill('SIGKILL');
});

/** One `strobe` command as a process of its own. */
export class NodeProcess {
  readonly name: string;
  readonly exited: Promise<ProcessEnd>;
  readonly #child: ChildProcess;
  #output = '';
  #end: ProcessEnd | undefined;

  /**
   * @param options.supervised with an IPC channel, whose closing ends the process even when this one is killed
   * @param options.within what to put in front of the command, to run it elsewhere; it has to become the command
   */
  constructor(
    name: string,
    args: readonly string[],
    options: { readonly supervised: boolean; readonly within?: readonly string[] | undefined },
  ) {
    this.name = name;
    const env = Object.fromEntries(Object.entries(process.env).filter(([key]) => !/^(?:STROBE_|VITEST|NODE_OPTIONS$)/.test(key)));
    const stdio = ['ignore', 'pipe', 'pipe', ...(options.supervised ? (['ipc'] as const) : [])] as const;
    const [program = process.execPath, ...rest] = [...(options.within ?? []), process.execPath, ENTRY, ...args];
    this.#child = spawn(program, rest, { cwd: ROOT, env, stdio: [...stdio] });
    running.add(this);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.on('data', (chunk) => {
        this.#output = (this.#output + String(chunk)).slice(-MAX_KEPT_OUTPUT);
      });
    }
    this.exited = new Promise((resolve) => {
      this.#child.once('close', (code, signal) => {
        running.delete(this);
        this.#end = { code, signal };
        resolve(this.#end);
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get hasExited(): boolean {
    return this.#end !== undefined;
  }

  /** The newest part of what it printed. */
  get output(): string {
    return this.#output;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Asks it to stop, and waits until it is gone. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<ProcessEnd> {
    this.kill(signal);
    return this.exited;
  }

  /** Ends it as a crash does. */
  async crash(): Promise<void> {
    await this.stop('SIGKILL');
  }

  /** Resolves when `condition` holds; fails at once when the process ends first, and then says what it printed last. */
  async until<T>(condition: () => T | Promise<T>, what: string, timeoutMs = READY_TIMEOUT_MS): Promise<NonNullable<T>> {
    try {
      return await waitFor(
        async () => {
          const answer = await condition();
          if (!answer && this.#end !== undefined) {
            throw new StrobeError('PROCESS_ENDED', `it ended first with ${JSON.stringify(this.#end)}`);
          }
          return answer;
        },
        { timeoutMs, what, pollMs: 25 },
      );
    } catch (cause) {
      const message = `${this.name}: ${what}: ${String(cause)}; its last lines:\n${this.lastLines()}`;
      throw new StrobeError('PROCESS_WAIT_FAILED', message, {}, { cause });
    }
  }

  lastLines(): string {
    return this.#output.trimEnd().split('\n').slice(-REPORTED_LINES).join('\n');
  }
}

/** Status and body of a page on a metrics port; undefined while nobody answers there. */
export async function page(url: string): Promise<{ readonly status: number; readonly body: string } | undefined> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS) });
    return { status: answer.status, body: await answer.text() };
  } catch {
    return undefined;
  }
}

/** Ids of the processes that `parent` started. */
export function childrenOf(parent: number): number[] {
  const rows = execFileSync('ps', ['-A', '-o', 'pid=,ppid='], { encoding: 'utf8' }).trim().split('\n');
  const pairs = rows.map((row) => row.trim().split(/\s+/).map(Number));
  return pairs.flatMap(([pid, ppid]) => (ppid === parent && pid !== undefined ? [pid] : []));
}

export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}
