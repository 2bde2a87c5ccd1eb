import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type PrivateKeyAccount, privateKeyToAccount } from 'viem/accounts';
import { loadSettings } from '../../src/node/config-load.ts';
import { type DevnetAccount, deriveDevnetAccounts } from '../../src/node/devnet-accounts.ts';
import { type DevnetPaths, devnetPaths } from '../../src/node/devnet-directory.ts';
import { buildDevnetGenesis } from '../../src/node/devnet-genesis.ts';
import { ensureDevnetKeys } from '../../src/node/devnet-keys.ts';
import { type DevnetProcess, planDevnet } from '../../src/node/devnet-plan.ts';
import { devnetSettings } from '../../src/node/settings-devnet.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { defined } from './defined.ts';
import { freePorts } from './free-ports.ts';
import { nodeInfo, rpc } from './json-rpc.ts';
import { NodeProcess, page, READY_TIMEOUT_MS } from './node-process.ts';

export interface TestDevnetOptions {
  readonly replicas: number;
  readonly provers?: number;
  readonly chainId?: number;
  readonly blockIntervalMs?: number;
  /** Replicas serve eth_getProof. */
  readonly trie?: boolean;
  /** What each prover proves, see the devnet's setting. */
  readonly shares?: readonly string[];
  readonly maxUnattestedBlocks?: number;
}

/** Three ranges of ports, one port for each process in each. */
const PORT_RANGES = 3;

/**
 * The files of a devnet in a temporary folder and on free ports, laid out as `strobe devnet` does it, whose processes a
 * test starts, kills and starts again one by one.
 */
export class TestDevnet implements AsyncDisposable {
  readonly paths: DevnetPaths;
  readonly chainId: number;
  readonly accounts: readonly DevnetAccount[];
  readonly plan: readonly DevnetProcess[];
  readonly #processes = new Map<string, NodeProcess>();
  readonly #places = new Map<string, readonly string[]>();

  private constructor(paths: DevnetPaths, chainId: number, accounts: readonly DevnetAccount[], plan: readonly DevnetProcess[]) {
    this.paths = paths;
    this.chainId = chainId;
    this.accounts = accounts;
    this.plan = plan;
  }

  /** Writes genesis, keys and configurations; starts nothing. */
  static async create({
    replicas,
    provers = 1,
    chainId = 31_415,
    blockIntervalMs = 1_000,
    trie = false,
    shares = [],
    maxUnattestedBlocks,
  }: TestDevnetOptions): Promise<TestDevnet> {
    const root = await mkdtemp(join(tmpdir(), 'strobe-devnet-'));
    const paths = devnetPaths(root);
    const count = 1 + replicas + provers;
    const base = await freePorts(PORT_RANGES * count);
    const flags = {
      dataDir: root,
      replicas,
      provers,
      shares: [...shares],
      chainId,
      trie,
      rpcPort: base,
      metricsPort: base + count,
      p2pPort: base + 2 * count,
    };
    const settings = loadSettings(devnetSettings, { flags, env: {} });
    const plan = planDevnet(settings, paths);
    const funded = deriveDevnetAccounts(settings.accounts);
    const keys = await ensureDevnetKeys(paths, provers);
    const timestamp = Math.floor(Date.now() / 1_000);
    const genesis = buildDevnetGenesis({ chainId, blockIntervalMs, timestamp, keys, accounts: funded });
    if (maxUnattestedBlocks !== undefined) genesis.strobe.limits.maxUnattestedBlocks = maxUnattestedBlocks;
    await writeFile(paths.genesis, JSON.stringify(genesis));
    for (const { configFile, config } of plan) {
      await mkdir(dirname(configFile), { recursive: true });
      await writeFile(configFile, JSON.stringify(config));
    }
    return new TestDevnet(paths, chainId, funded.accounts, plan);
  }

  /** Has a process run elsewhere from its next start on: with `command` in front of its own. */
  place(name: string, command: readonly string[]): void {
    this.#places.set(name, command);
  }

  /** Starts processes at the same time, without waiting for any. */
  launch(...names: readonly string[]): NodeProcess[] {
    return names.map((name) => {
      const { role, configFile } = this.#planned(name);
      if (this.#processes.get(name)?.hasExited === false) throw new StrobeError('STILL_RUNNING', name);
      const started = new NodeProcess(name, [role, '--config', configFile], { supervised: true, within: this.#places.get(name) });
      this.#processes.set(name, started);
      return started;
    });
  }

  /** Starts processes at the same time and waits until all are ready. */
  async start(...names: readonly string[]): Promise<void> {
    this.launch(...names);
    await Promise.all(names.map((name) => this.ready(name)));
  }

  ready(name: string, timeoutMs = READY_TIMEOUT_MS): Promise<unknown> {
    const url = `${this.metricsUrl(name)}/ready`;
    return this.process(name).until(async () => (await page(url))?.status === 200, 'ready', timeoutMs);
  }

  /** Every process, the sequencer first. */
  async startAll(): Promise<void> {
    const [sequencer, ...others] = this.plan.map(({ name }) => name);
    await this.start(defined(sequencer));
    await this.start(...others);
  }

  /** Has a process, at its next start, dial `others` instead of the sequencer. */
  async bootstrapFrom(name: string, ...others: readonly string[]): Promise<void> {
    const { configFile, config, p2pPort } = this.#planned(name);
    const bootstrap = others.map((other) => `/ip4/127.0.0.1/tcp/${this.#planned(other).p2pPort}`);
    await writeFile(configFile, JSON.stringify({ ...config, p2p: { port: p2pPort, bootstrap } }));
  }

  /** Funded account `index`, as viem wants it. */
  account(index: number): PrivateKeyAccount {
    return privateKeyToAccount(defined(this.accounts[index]).privateKey);
  }

  process(name: string): NodeProcess {
    return defined(this.#processes.get(name));
  }

  rpcUrl(name: string): string {
    return `http://127.0.0.1:${defined(this.#planned(name).rpcPort)}`;
  }

  /** Value of a metric of a process, summed over its label values; `labels` narrows these. */
  async metric(name: string, metric: string, labels = ''): Promise<number> {
    const { body } = defined(await page(`${this.metricsUrl(name)}/metrics`));
    const rows = body.split('\n').filter((row) => /[{ ]/.exec(row.slice(metric.length))?.index === 0 && row.startsWith(metric));
    return rows.filter((row) => row.includes(labels)).reduce((sum, row) => sum + Number(row.split(' ').at(-1)), 0);
  }

  metricsUrl(name: string): string {
    return `http://127.0.0.1:${this.#planned(name).metricsPort}`;
  }

  dataDir(name: string): string {
    return join(this.paths.processFolder(name), 'data');
  }

  #planned(name: string): DevnetProcess {
    return defined(this.plan.find((planned) => planned.name === name));
  }

  /** Waits until the `safe` block of a node is at least `block`. */
  async safeReaches(name: string, block: number, tag: 'safe' | 'finalized' = 'safe'): Promise<void> {
    const url = this.rpcUrl(name);
    await this.process(name).until(
      async () => Number((await nodeInfo(url))[tag] ?? -1) >= block,
      `${tag} reaches ${block}`,
      60_000,
    );
  }

  /** Waits until a node has applied mini-block `number`. */
  async miniBlockReaches(name: string, number: number): Promise<void> {
    const url = this.rpcUrl(name);
    await this.process(name).until(async () => (await nodeInfo(url)).miniBlock >= number, `mini-block reaches ${number}`, 60_000);
  }

  /** Number of the newest sealed block. */
  async blockNumber(name: string): Promise<number> {
    return Number(await rpc(this.rpcUrl(name), 'eth_blockNumber'));
  }

  /** Kills what still runs and deletes everything. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#processes.values()].map((started) => started.crash()));
    await rm(this.paths.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
