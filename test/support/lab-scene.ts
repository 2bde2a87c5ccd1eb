import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from './chain-agreement.ts';
import { changeConfig } from './devnet-config.ts';
import { HostilePeer, type Hostility } from './hostile-peer.ts';
import { nodeInfo, rpc } from './json-rpc.ts';
import { LabDevnet } from './lab-devnet.ts';
import { ReceiptLedger } from './receipt-ledger.ts';
import { SafeWatch } from './safe-watch.ts';
import type { TestDevnetOptions } from './test-devnet.ts';
import { waitFor } from './wait-for.ts';

/** What a replica may come to need besides. Without any hostile peer it is 225 MB in a minute: V8 lets heaps grow before it collects. */
const MAX_GROWTH_BYTES = 400 * 1024 * 1024;
const MISSED_TRANSACTIONS = 3;
const RETRY_MS = 20;
const HOSTILE_PORT = 9000;
const AGREE_TIMEOUT_MS = 60_000;
const KIB = 1024;

/** What strobe_peers says of a peer. */
export interface PeerJson {
  readonly peer: string;
  readonly direction: 'inbound' | 'outbound' | null;
  readonly score: number;
  readonly offences: number;
  readonly failures: number;
  readonly bannedForMs: number;
}

/** A devnet on a network of its own under load, whose replicas are watched all the while. */
export class LabScene implements AsyncDisposable {
  readonly network: LabDevnet;
  readonly ledger: ReceiptLedger;
  readonly replicas: readonly string[];
  #watch: SafeWatch | undefined;
  readonly #hostile: HostilePeer[] = [];
  readonly #memory = new Map<number, number>();

  private constructor(network: LabDevnet) {
    this.network = network;
    this.ledger = new ReceiptLedger(network.devnet);
    this.replicas = network.devnet.plan.filter(({ role }) => role === 'replica').map(({ name }) => name);
  }

  /** Lays out the network and the nodes; starts nothing. */
  static async create(options: TestDevnetOptions): Promise<LabScene> {
    return new LabScene(await LabDevnet.create(options));
  }

  get devnet() {
    return this.network.devnet;
  }

  /** Begins to watch what is called safe. */
  watch(): void {
    this.#watch = new SafeWatch(this.devnet, this.replicas);
  }

  /** Starts all nodes but `late` ones, watches them, and waits until a block of the load is safe everywhere. */
  async begin(late: readonly string[] = []): Promise<void> {
    await this.network.startAll(late);
    this.watch();
    await this.ledger.send('sequencer', 0);
    for (const name of this.replicas.filter((each) => !late.includes(each))) {
      await this.devnet.safeReaches(name, this.ledger.lastBlock);
      this.noteMemory(name);
    }
  }

  /** Remembers what memory a node takes now, for {@link LabScene.expectSound}. */
  noteMemory(name: string): void {
    const { pid } = this.devnet.process(name);
    this.#memory.set(pid, memoryOf(pid, 'VmRSS'));
  }

  /** Sends one transfer after the other until `isEnough`, and goes on when one fails. */
  async load(name: string, account: number, isEnough: () => boolean): Promise<void> {
    while (!isEnough()) {
      await this.ledger.sendUntilFailure(name, account, { isEnough });
      // Nobody may be there to answer.
      await delay(RETRY_MS);
    }
  }

  /** The same while something else is done. */
  async loadWhile<Result>(name: string, work: Promise<Result>): Promise<Result> {
    let isOver = false;
    const load = this.load(name, 1, () => isOver);
    try {
      return await work;
    } finally {
      isOver = true;
      await load;
    }
  }

  /** Adds a machine with a hostile peer, which dials `target` when one is given. */
  async addHostile(machineName: string, hostility: Hostility, target?: string): Promise<HostilePeer> {
    const machine = this.network.lab.addMachine(machineName);
    const peer = await HostilePeer.start(machine, {
      hostility,
      listen: `/ip4/${machine.address}/tcp/${HOSTILE_PORT}`,
      ...(target === undefined ? {} : { target: this.network.peerAddress(target) }),
      source: this.network.peerAddress('sequencer'),
      genesis: this.devnet.paths.genesis,
    });
    this.#hostile.push(peer);
    return peer;
  }

  /** Kills a replica, lets it miss something, and starts it again, to dial `peers` before the sequencer. */
  async restartBehind(name: string, ...peers: readonly HostilePeer[]): Promise<void> {
    const addresses = [...peers.map(({ address }) => address), this.network.peerAddress('sequencer')];
    await changeConfig(this.devnet, name, { p2p: { bootstrap: addresses } });
    await this.devnet.process(name).crash();
    for (let i = 0; i < MISSED_TRANSACTIONS; i++) await this.ledger.send('sequencer', 1);
    this.devnet.launch(name);
  }

  /** How `of` stands with a node, undefined when it does not know it. */
  async standingOf(name: string, of: string | undefined): Promise<PeerJson | undefined> {
    return (await this.peersOf(name)).find(({ peer }) => peer === of);
  }

  peersOf(name: string): Promise<readonly PeerJson[]> {
    return rpc(this.devnet.rpcUrl(name), 'strobe_peers');
  }

  /**
   * What has to hold after everything: nodes have one head and one chain with every receipt, all of it is safe, nothing
   * false ever was, replicas follow and accuse nobody, and no memory was spent on it.
   * @param from block from which on every node has the history
   */
  async expectSound(from = 0): Promise<void> {
    const { devnet, ledger, replicas } = this;
    const receipt = await ledger.send('sequencer', 0);
    for (const name of ['sequencer', ...replicas]) await devnet.safeReaches(name, Number(receipt.blockNumber));
    await this.#headsAgree();
    for (const name of replicas) {
      await ledger.expectAllAt(name, from);
      expect(await nodeInfo(devnet.rpcUrl(name))).toMatchObject({ state: 'live', isReady: true, excludedProvers: [] });
      expect(await rpc(devnet.rpcUrl(name), 'strobe_equivocations')).toEqual([]);
      const { pid } = devnet.process(name);
      const before = this.#memory.get(pid);
      if (before !== undefined) expect(memoryOf(pid, 'VmHWM') - before).toBeLessThan(MAX_GROWTH_BYTES);
    }
    const urls = ['sequencer', ...replicas].map((name) => devnet.rpcUrl(name));
    await expectSameChain(urls, { from, to: ledger.lastBlock });
    await this.#watch?.expectNothingFalse('sequencer');
  }

  /** Heads move with every mini-block: at rest there is one in five seconds. */
  #headsAgree(): Promise<unknown> {
    const digestOf = async (name: string): Promise<Hex> =>
      (await rpc<{ miniBlockDigest: Hex }>(this.devnet.rpcUrl(name), 'strobe_nodeInfo')).miniBlockDigest;
    return waitFor(
      async () => {
        const digests = await Promise.all(['sequencer', ...this.replicas].map(digestOf));
        return new Set(digests).size === 1;
      },
      { timeoutMs: AGREE_TIMEOUT_MS, pollMs: 50, what: 'all heads are equal' },
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#hostile.map((peer) => peer[Symbol.asyncDispose]()));
    await this.network[Symbol.asyncDispose]();
  }
}

/** Resident memory of a process now, or the most it ever had, bytes. */
function memoryOf(pid: number, what: 'VmRSS' | 'VmHWM'): number {
  const row = readFileSync(`/proc/${pid}/status`, 'utf8')
    .split('\n')
    .find((line) => line.startsWith(`${what}:`));
  return Number(row?.split(/\s+/)[1]) * KIB;
}
