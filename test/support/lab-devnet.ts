import { defined } from './defined.ts';
import { changeConfig } from './devnet-config.ts';
import { type LabMachine, NetLab } from './net-lab.ts';
import { TestDevnet, type TestDevnetOptions } from './test-devnet.ts';

/** A devnet each of whose processes runs on a machine of its own in a {@link NetLab}, its JSON-RPC and metrics where they always are. */
export class LabDevnet implements AsyncDisposable {
  readonly devnet: TestDevnet;
  readonly lab: NetLab;
  readonly #machines: ReadonlyMap<string, LabMachine>;

  private constructor(devnet: TestDevnet, lab: NetLab, machines: ReadonlyMap<string, LabMachine>) {
    this.devnet = devnet;
    this.lab = lab;
    this.#machines = machines;
  }

  /** Makes the network and writes the configurations; starts nothing. */
  static async create(options: TestDevnetOptions): Promise<LabDevnet> {
    const devnet = await TestDevnet.create(options);
    const lab = new NetLab();
    try {
      const machines = new Map(devnet.plan.map(({ name }) => [name, lab.addMachine(name)]));
      const created = new LabDevnet(devnet, lab, machines);
      for (const { name, p2pPort, rpcPort, metricsPort } of devnet.plan) {
        const { address, command, openWindow } = created.machine(name);
        const bootstrap = name === 'sequencer' ? [] : [created.peerAddress('sequencer')];
        await changeConfig(devnet, name, { p2p: { listen: [`/ip4/${address}/tcp/${p2pPort}`], bootstrap } });
        devnet.place(name, command);
        await Promise.all([rpcPort, metricsPort].filter((port) => port !== undefined).map(openWindow));
      }
      return created;
    } catch (error) {
      lab.close();
      await devnet[Symbol.asyncDispose]();
      throw error;
    }
  }

  machine(name: string): LabMachine {
    return defined(this.#machines.get(name));
  }

  /** Where a process listens for peers. */
  peerAddress(name: string): string {
    const { p2pPort } = defined(this.devnet.plan.find((planned) => planned.name === name));
    return `/ip4/${this.machine(name).address}/tcp/${p2pPort}`;
  }

  /** Starts every process but `late` ones at once: whoever dials tries until somebody answers. */
  async startAll(late: readonly string[] = []): Promise<void> {
    const names = this.devnet.plan.map(({ name }) => name);
    await this.devnet.start(...names.filter((name) => !late.includes(name)));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.devnet[Symbol.asyncDispose]();
    this.lab.close();
  }
}
