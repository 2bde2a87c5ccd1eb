import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { errorMessage } from '../../../src/util/errors.ts';
import { freePorts } from '../../support/free-ports.ts';
import { rpc } from '../../support/json-rpc.ts';
import { waitFor } from '../../support/wait-for.ts';

const READY_TIMEOUT_MS = 30_000;
/** Above any block of the chain that is copied: blocks keep the transactions that they have there. */
const GAS_LIMIT = 1_000_000_000;
/** What the npm packages call the architectures. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

export interface AnvilOptions {
  readonly chainId: number;
  readonly mnemonic: string;
  readonly baseFeeWei: bigint;
}

/** A running anvil that mines when it is told to. */
export class Anvil implements AsyncDisposable {
  readonly port: number;
  readonly version: string;
  readonly #child: ChildProcess;
  readonly #kill = (): boolean => this.#child.kill('SIGKILL');

  private constructor(child: ChildProcess, port: number, version: string) {
    this.#child = child;
    this.port = port;
    this.version = version;
    process.once('exit', this.#kill);
  }

  /** The text says why there is none. */
  static async start({ chainId, mnemonic, baseFeeWei }: AnvilOptions): Promise<Anvil | string> {
    // The program itself: the package's command starts it as a child, which would outlive that command's violent end.
    let program: string;
    let version: string;
    try {
      const name = `@foundry-rs/anvil-${process.platform}-${ARCHITECTURES[process.arch] ?? process.arch}`;
      program = join(dirname(createRequire(import.meta.url).resolve(`${name}/package.json`)), 'bin', 'anvil');
      version = /\d+\.\d+\.\d+/.exec(execFileSync(program, ['--version'], { encoding: 'utf8' }))?.[0] ?? 'unknown';
    } catch (error) {
      return `anvil does not run here: ${errorMessage(error).split('\n')[0]}`;
    }
    const port = await freePorts(1);
    const options = {
      ...{ host: '127.0.0.1', port, hardfork: 'prague', order: 'fifo', accounts: 1 },
      ...{ 'chain-id': chainId, mnemonic, 'block-base-fee-per-gas': baseFeeWei, 'gas-limit': GAS_LIMIT },
    };
    const flags = Object.entries(options).flatMap(([name, value]) => [`--${name}`, `${value}`]);
    const child = spawn(program, ['--no-mining', '--quiet', ...flags], { stdio: 'ignore' });
    const anvil = new Anvil(child, port, version);
    try {
      const isUp = () => rpc(anvil.url, 'eth_chainId').catch(() => child.exitCode !== null);
      await waitFor(isUp, { timeoutMs: READY_TIMEOUT_MS, what: 'anvil answers', pollMs: 50 });
    } catch (error) {
      await anvil[Symbol.asyncDispose]();
      throw error;
    }
    return child.exitCode === null ? anvil : `anvil ended with code ${child.exitCode}`;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    process.off('exit', this.#kill);
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#kill();
    await exited;
  }
}
