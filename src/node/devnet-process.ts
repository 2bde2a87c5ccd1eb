import { type ChildProcess, spawn } from 'node:child_process';
import { setPriority } from 'node:os';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { summarizeLine } from './devnet-log.ts';
import type { DevnetProcess } from './devnet-plan.ts';

export interface SupervisedProcessOptions {
  plan: DevnetProcess;
  /** The script that is running now, `src/cli/main.ts`, `dist/cli/main.js` or the launcher. */
  entry: string;
}

export interface SupervisedProcessModules {
  onLine: (name: string, line: string) => void;
}

/**
 * Flags of Node itself. Much of what a transaction allocates lives as long as its mini-block: with a larger nursery it
 * dies there, which makes a busy sequencer about a tenth faster for 128 MB.
 */
const NODE_FLAGS = {
  sequencer: ['--min-semi-space-size=64', '--max-semi-space-size=64'],
  replica: [],
  prover: [],
} as const;

/** How many lines of a process's log are repeated when it dies. */
const LAST_LINES = 12;
/** A process that does not stop in this time is killed; two rounds of it fit in the devnet's own stop deadline. */
const STOP_GRACE_MS = 7_000;

/** One role of the devnet as a child process. Nothing restarts it: its end is the devnet's end. */
export class SupervisedProcess {
  readonly name: string;
  readonly #options: SupervisedProcessOptions;
  readonly #modules: SupervisedProcessModules;
  readonly #lastLines: string[] = [];
  #child: ChildProcess | undefined;
  #closed: Promise<void> | undefined;
  #isStopping = false;

  constructor(options: SupervisedProcessOptions, modules: SupervisedProcessModules) {
    this.name = options.plan.name;
    this.#options = options;
    this.#modules = modules;
  }

  /** @returns a promise that rejects when the process ends without having been asked to */
  start(): Promise<void> {
    const { plan, entry } = this.#options;
    const child = spawn(
      process.execPath,
      [...process.execArgv, ...NODE_FLAGS[plan.role], entry, plan.role, '--config', plan.configFile],
      {
        // The IPC channel tells the child that it is supervised, and by closing that the supervisor is gone.
        stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
        env: withoutOwnVariables(process.env),
      },
    );
    this.#child = child;
    this.#readLines(child.stdout);
    this.#readLines(child.stderr);
    if (child.pid !== undefined) lowerPriority(child.pid, plan.niceness);
    let settle: () => void = () => undefined;
    this.#closed = new Promise((resolve) => {
      settle = resolve;
    });
    return new Promise((resolve, reject) => {
      child.once('error', (error) => {
        settle();
        reject(this.#died(`could not be started: ${errorMessage(error)}`));
      });
      // 'close' comes after the last line of output, 'exit' may come before it.
      child.once('close', (code, signal) => {
        settle();
        if (this.#isStopping) resolve();
        else reject(this.#died(signal === null ? `exited with code ${code}` : `was ended by ${signal}`));
      });
    });
  }

  /** From now on its end is no failure: a signal to the whole group reaches it as well as the supervisor. */
  expectEnd(): void {
    this.#isStopping = true;
  }

  /** Asks the process to stop, and kills it when it does not. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.expectEnd();
    if (this.#closed === undefined) return;
    const kill = setTimeout(() => this.kill(), STOP_GRACE_MS);
    this.#child?.kill('SIGTERM');
    await this.#closed;
    clearTimeout(kill);
  }

  /** Ends the process at once. */
  kill(): void {
    this.#child?.kill('SIGKILL');
  }

  #readLines(stream: Readable | null): void {
    if (stream === null) return;
    createInterface({ input: stream }).on('line', (line) => {
      this.#lastLines.push(line);
      if (this.#lastLines.length > LAST_LINES) this.#lastLines.shift();
      this.#modules.onLine(this.name, line);
    });
  }

  #died(how: string): StrobeError<'DEVNET_PROCESS_DIED'> {
    const lines = this.#lastLines.map((line) => `\n    ${summarizeLine(line)}`).join('');
    const log = lines === '' ? ' (it logged nothing)' : `; its last lines were:${lines}`;
    return new StrobeError('DEVNET_PROCESS_DIED', `${this.name} ${how}${log}`, { name: this.name });
  }
}

/** Settings of the devnet itself must not leak into its processes, whose configuration is in their files. */
function withoutOwnVariables(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('STROBE_')));
}

function lowerPriority(pid: number, niceness: number): void {
  if (niceness === 0) return;
  try {
    setPriority(pid, niceness);
  } catch {
    // It may be gone already, which its exit reports, or the platform refuses, which costs only smoothness.
  }
}
