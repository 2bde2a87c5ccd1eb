import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createConnection, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { errorMessage, StrobeError } from '../../src/util/errors.ts';
import type { AgentAnswer, AgentRequest } from './net-agent.ts';
import type { TcpRelayOptions } from './tcp-relay.ts';

const AGENT = join(import.meta.dirname, 'net-agent.ts');
/** The prefix of all namespaces; what stands behind it is this process's id and a count, so that runs do not meet. */
const PREFIX = 'strobe';
/** First three bytes of the addresses inside: no namespace has a way out, so any would do. */
const SUBNET = '10.77.0';
const IP_TIMEOUT_MS = 10_000;

let labs = 0;
const open = new Set<NetLab>();
// Whatever ends the test run, no namespace outlives it.
process.once('exit', () => {
  for (const lab of open) lab.close();
});

function ip(...args: readonly string[]): void {
  execFileSync('ip', args, { stdio: 'pipe', timeout: IP_TIMEOUT_MS });
}

/** Undefined where namespaces can be made, else why not; printed by the tests that skip. */
export const netLabMissing: string | undefined = findMissing();

function findMissing(): string | undefined {
  const probe = `${PREFIX}-${process.pid}-probe`;
  try {
    ip('netns', 'add', probe);
  } catch (error) {
    return `network namespaces cannot be made here (they need root and iproute2): ${reasonOf(error)}`;
  }
  try {
    ip('-n', probe, 'link', 'add', 'probe', 'type', 'bridge');
    ip('-n', probe, 'link', 'add', 'end-1', 'type', 'veth', 'peer', 'name', 'end-2');
    return undefined;
  } catch (error) {
    return `bridges and veth pairs cannot be made here: ${reasonOf(error)}`;
  } finally {
    ip('netns', 'del', probe);
  }
}

function reasonOf(error: unknown): string {
  return errorMessage(error).trimEnd().split('\n').at(-1) ?? '';
}

/** A machine of the lab: a namespace with loopback and one cable to the switch. */
export interface LabMachine {
  readonly name: string;
  readonly address: string;
  /** What to put in front of a command to run it there. */
  readonly command: readonly string[];
  /** Pulls the cable out, or puts it in again: nobody is told, packets just do not arrive. */
  readonly setCable: (isIn: boolean) => void;
  /** Makes a port of the machine's loopback reachable under the same number on the loopback here. */
  readonly openWindow: (port: number) => Promise<void>;
  /** Starts a relay there, see TcpRelay. */
  readonly relay: (options: Omit<TcpRelayOptions, 'host'>) => Promise<void>;
  /** Cuts the connections of the relay on `port`. */
  readonly cut: (port: number) => Promise<void>;
}

/**
 * A small network of machines in namespaces of their own, joined by a switch in another one: nothing of it touches the
 * network of the host. Removed at the end, whatever happened, and when the test's process exits.
 */
export class NetLab implements Disposable {
  readonly #name: string;
  readonly #folder: string;
  readonly #namespaces: string[] = [];
  readonly #agents: Agent[] = [];
  readonly #windows: Server[] = [];
  #isOpen = true;

  constructor() {
    this.#name = `${PREFIX}-${process.pid}-${++labs}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'strobe-lab-'));
    open.add(this);
    try {
      this.#addNamespace('switch');
      ip('-n', this.#namespaceOf('switch'), 'link', 'add', 'bridge', 'type', 'bridge');
      ip('-n', this.#namespaceOf('switch'), 'link', 'set', 'bridge', 'up');
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #namespaceOf(machine: string): string {
    return `${this.#name}-${machine}`;
  }

  #addNamespace(machine: string): string {
    const namespace = this.#namespaceOf(machine);
    ip('netns', 'add', namespace);
    this.#namespaces.push(namespace);
    ip('-n', namespace, 'link', 'set', 'lo', 'up');
    return namespace;
  }

  /** Adds a machine and connects it to the switch. */
  addMachine(name: string): LabMachine {
    const address = `${SUBNET}.${this.#namespaces.length}`;
    const hub = this.#namespaceOf('switch');
    const namespace = this.#addNamespace(name);
    // At most 15 characters in an interface's name.
    const port = `port${this.#namespaces.length}`;
    ip('-n', namespace, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', port, 'netns', hub);
    ip('-n', hub, 'link', 'set', port, 'master', 'bridge', 'up');
    ip('-n', namespace, 'addr', 'add', `${address}/24`, 'dev', 'eth0');
    ip('-n', namespace, 'link', 'set', 'eth0', 'up');
    const agent = new Agent(['ip', 'netns', 'exec', namespace]);
    this.#agents.push(agent);
    return {
      name,
      address,
      command: ['ip', 'netns', 'exec', namespace],
      setCable: (isIn) => ip('-n', hub, 'link', 'set', port, isIn ? 'up' : 'down'),
      openWindow: (at) => this.#openWindow(agent, name, at),
      relay: (options) => agent.ask({ kind: 'relay', options: { ...options, host: '0.0.0.0' } }),
      cut: (at) => agent.ask({ kind: 'cut', port: at }),
    };
  }

  async #openWindow(agent: Agent, machine: string, port: number): Promise<void> {
    const socketPath = join(this.#folder, `${machine}-${port}`);
    await agent.ask({ kind: 'window', socketPath, port });
    const server = createServer((client) => {
      const inner = createConnection({ path: socketPath });
      client.pipe(inner).pipe(client);
      client.on('error', () => inner.destroy()).on('close', () => inner.destroy());
      inner.on('error', () => client.destroy()).on('close', () => client.destroy());
    });
    this.#windows.push(server);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host: '127.0.0.1', port }, resolve);
    });
  }

  /** Ends the agents and removes every namespace; those who run in them are whoever started them to end, before. */
  close(): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    open.delete(this);
    for (const server of this.#windows) server.close();
    for (const agent of this.#agents) agent.kill();
    for (const namespace of this.#namespaces) {
      try {
        ip('netns', 'del', namespace);
      } catch (error) {
        process.stderr.write(`could not remove the namespace ${namespace}: ${String(error)}\n`);
      }
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** The helper process inside a machine. */
class Agent {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, (answer: AgentAnswer) => void>();
  #nextId = 0;

  constructor(command: readonly string[]) {
    const [program, ...args] = command as [string, ...string[]];
    this.#child = spawn(program, [...args, process.execPath, AGENT], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
    this.#child.on('message', (answer: AgentAnswer) => {
      this.#waiting.get(answer.id)?.(answer);
      this.#waiting.delete(answer.id);
    });
    this.#child.once('close', (code) => {
      for (const [id, settle] of this.#waiting) settle({ id, error: `the agent ended with ${code}` });
      this.#waiting.clear();
    });
  }

  /** @throws StrobeError NET_AGENT_FAILED */
  ask(request: DistributiveOmit<AgentRequest, 'id'>): Promise<void> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, ({ error }) => {
        if (error === undefined) resolve();
        else reject(new StrobeError('NET_AGENT_FAILED', `${request.kind}: ${error}`));
      });
      this.#child.send({ ...request, id });
    });
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }
}

type DistributiveOmit<T, K extends PropertyKey> = T extends unknown ? Omit<T, K> : never;
