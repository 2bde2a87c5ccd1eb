import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { StrobeError } from '../../src/util/errors.ts';
import type { Falsehood } from './false-snapshots.ts';
import type { LabMachine } from './net-lab.ts';
import { waitFor } from './wait-for.ts';

const ENTRY = join(import.meta.dirname, 'hostile-peer-process.ts');
const START_TIMEOUT_MS = 30_000;

/** What a hostile peer does; each in test/support/hostile-peer-process.ts. */
export type Hostility = 'withhold' | 'garbage' | 'flood' | Falsehood;

export interface HostilePeerOptions {
  readonly hostility: Hostility;
  /** Where it listens, a multiaddr. */
  readonly listen: string;
  /** Whom it dials, again and again; absent: it waits to be dialled. */
  readonly target?: string;
  /** An honest peer, whose snapshot it falsifies; for a {@link Falsehood}. */
  readonly source?: string;
  readonly genesis: string;
}

/** What a hostile peer tells of itself. */
export interface HostileReport {
  /** Its newest name first. */
  readonly peerIds: readonly string[];
  /** By what was done, how often. */
  readonly counts: Readonly<Record<string, number>>;
}

/** A process on a machine of the lab that breaks the rules. */
export class HostilePeer implements AsyncDisposable {
  /** Where it can be dialled. */
  readonly address: string;
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #report: HostileReport = { peerIds: [], counts: {} };

  private constructor(machine: LabMachine, options: HostilePeerOptions) {
    const [program = process.execPath, ...args] = [...machine.command, process.execPath, ENTRY, JSON.stringify(options)];
    this.#child = spawn(program, args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.address = options.listen;
    this.#child.on('message', (report: HostileReport) => {
      this.#report = report;
    });
    this.#exited = new Promise((resolve) => this.#child.once('close', resolve));
  }

  /** Starts it and waits until it listens. */
  static async start(machine: LabMachine, options: HostilePeerOptions): Promise<HostilePeer> {
    const peer = new HostilePeer(machine, options);
    await peer.until(({ peerIds }) => peerIds.length > 0, 'the hostile peer starts', START_TIMEOUT_MS);
    return peer;
  }

  get report(): HostileReport {
    return this.#report;
  }

  async until(condition: (report: HostileReport) => boolean, what: string, timeoutMs: number): Promise<void> {
    try {
      await waitFor(() => this.#child.exitCode !== null || condition(this.#report), { timeoutMs, what, pollMs: 25 });
    } catch (cause) {
      throw new StrobeError('HOSTILE_PEER_WAIT_FAILED', `${what}: ${JSON.stringify(this.#report)}`, {}, { cause });
    }
    if (this.#child.exitCode !== null) throw new StrobeError('PROCESS_ENDED', `the hostile peer ended: ${what}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
