import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { stringify } from 'yaml';
import { isPretty, type LogFormat } from '../observability/logger.ts';
import { canonicalJson, type GenesisFile, parseGenesis } from '../protocol/genesis.ts';
import type { LevelDatabase } from '../store/level-database.ts';
import { fromText } from '../util/bytes.ts';
import { writeDurably } from '../util/durable-file.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { type DevnetAccounts, deriveDevnetAccounts } from './devnet-accounts.ts';
import { renderBanner } from './devnet-banner.ts';
import { type DevnetPaths, devnetPaths, prepareDevnetFolder } from './devnet-directory.ts';
import { buildDevnetGenesis } from './devnet-genesis.ts';
import { ensureDevnetKeys } from './devnet-keys.ts';
import { createLinePrinter } from './devnet-log.ts';
import { type DevnetProcess, planDevnet } from './devnet-plan.ts';
import { assertPortsFree, plannedPorts } from './devnet-ports.ts';
import { SupervisedProcess } from './devnet-process.ts';
import { waitUntilReady } from './devnet-readiness.ts';
import type { NodeContext, RunningNode } from './running-node.ts';
import type { DevnetSettings } from './settings-devnet.ts';

/**
 * Starts a whole chain on this machine, one supervised process per role, and resolves when every process is ready.
 * @param entry the script to start processes with, the running one unless a test says otherwise
 * @throws StrobeError PORT_UNAVAILABLE, DEVNET_FOLDER_FOREIGN, DEVNET_FOLDER_FAILED, DEVNET_RUNNING,
 *   DEVNET_GENESIS_CHANGED, DEVNET_GENESIS_DAMAGED, DEVNET_PROCESS_DIED, DEVNET_NOT_READY, INVALID_CONFIG
 */
export async function startDevnet(
  settings: DevnetSettings,
  context: NodeContext,
  entry: string = process.argv[1] ?? '',
): Promise<RunningNode> {
  const paths = devnetPaths(settings.dataDir);
  const plan = planDevnet(settings, paths);
  await assertPortsFree(plannedPorts(plan, settings.rpcHost));
  const lock = await prepareDevnetFolder(settings.dataDir, settings.fresh);
  try {
    return await launch(settings, { paths, plan, entry, lock }, context);
  } catch (error) {
    await lock.close();
    throw error;
  }
}

interface LaunchParts extends Pick<SupervisorOptions, 'plan' | 'entry' | 'lock'> {
  readonly paths: DevnetPaths;
}

async function launch(
  settings: DevnetSettings,
  { paths, plan, entry, lock }: LaunchParts,
  context: NodeContext,
): Promise<RunningNode> {
  const accounts = deriveDevnetAccounts(settings.accounts);
  await ensureGenesis(settings, paths, accounts);
  await Promise.all(plan.map(writeConfig));

  const supervisor = new DevnetSupervisor({ logFormat: settings.logFormat, entry, plan, lock }, context);
  try {
    await supervisor.start();
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  const banner = renderBanner({ chainId: settings.chainId, rpcHost: settings.rpcHost, plan, accounts, dataDir: paths.root });
  // A JSON log stays JSON: the banner is for the person at the terminal.
  (isPretty(settings.logFormat) ? process.stdout : process.stderr).write(banner);
  return supervisor;
}

/** Writes the genesis file once; later starts must mean the same chain. */
async function ensureGenesis(settings: DevnetSettings, paths: DevnetPaths, accounts: DevnetAccounts): Promise<void> {
  const keys = await ensureDevnetKeys(paths, settings.provers);
  const existing = await readExistingGenesis(paths.genesis);
  const timestamp = existing === undefined ? Math.floor(Date.now() / 1_000) : Number(existing.timestamp);
  const { chainId, blockIntervalMs } = settings;
  const genesis = buildDevnetGenesis({ chainId, blockIntervalMs, timestamp, keys, accounts });
  if (existing === undefined) {
    parseGenesis(genesis);
    await writeDurably(paths.genesis, fromText(`${JSON.stringify(genesis, null, 2)}\n`));
    return;
  }
  if (canonicalJson(existing) === canonicalJson(genesis)) return;
  throw new StrobeError(
    'DEVNET_GENESIS_CHANGED',
    `${paths.root} holds a chain with other genesis settings (chain id, accounts, block interval, provers or this version's predeploys): ` +
      'give the same settings, another --data-dir, or --fresh to start over',
    { root: paths.root },
  );
}

async function readExistingGenesis(file: string): Promise<GenesisFile | undefined> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as GenesisFile;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    const message = `${file} cannot be read (${errorMessage(cause)}): restore it, or give --fresh to start over`;
    throw new StrobeError('DEVNET_GENESIS_DAMAGED', message, { file }, { cause });
  }
}

async function writeConfig({ configFile, config }: DevnetProcess): Promise<void> {
  await mkdir(dirname(configFile), { recursive: true });
  await writeFile(configFile, `# Written by strobe devnet at every start.\n${stringify(config)}`);
}

interface SupervisorOptions {
  logFormat: LogFormat;
  entry: string;
  plan: readonly DevnetProcess[];
  /** On the folder; closed when no process is left. */
  lock: Pick<LevelDatabase, 'close'>;
}

class DevnetSupervisor implements RunningNode {
  readonly #plan: readonly DevnetProcess[];
  readonly #lock: Pick<LevelDatabase, 'close'>;
  readonly #context: NodeContext;
  readonly #children: SupervisedProcess[];
  /** Aborts every wait of the start when a process dies. */
  readonly #death = new AbortController();
  readonly #ends: Promise<void>[] = [];
  readonly #killAll = (): void => {
    for (const child of this.#children) child.kill();
  };

  constructor({ logFormat, entry, plan, lock }: SupervisorOptions, context: NodeContext) {
    this.#plan = plan;
    this.#lock = lock;
    this.#context = context;
    const names = plan.map(({ name }) => name);
    const onLine = createLinePrinter({ pretty: isPretty(logFormat), names }, (text) => process.stdout.write(text));
    this.#children = plan.map((item) => new SupervisedProcess({ plan: item, entry }, { onLine }));
  }

  /** The sequencer first: the others dial it as soon as they run. */
  async start(): Promise<void> {
    // Whatever ends this process, no child outlives it.
    process.once('exit', this.#killAll);
    this.#launch(0);
    await this.#ready(0);
    const others = this.#plan.map((_, index) => index).slice(1);
    for (const index of others) this.#launch(index);
    await Promise.all(others.map((index) => this.#ready(index)));
  }

  /** Rejects when a process ends by itself. */
  async run(): Promise<void> {
    await Promise.all(this.#ends);
  }

  /** Replicas and provers first, the sequencer last, so that nobody sees it disappear. */
  async stop(): Promise<void> {
    for (const child of this.#children) child.expectEnd();
    const [sequencer, ...others] = this.#children;
    await Promise.all(others.map((child) => child.stop()));
    await sequencer?.stop();
    process.off('exit', this.#killAll);
    await this.#lock.close();
  }

  #launch(index: number): void {
    const end = this.#children[index]?.start();
    if (end === undefined) return;
    this.#ends.push(end);
    end.catch((error: unknown) => this.#death.abort(error));
  }

  async #ready(index: number): Promise<void> {
    const planned = this.#plan[index];
    if (planned === undefined) return;
    const signal = AbortSignal.any([this.#context.signal, this.#death.signal]);
    await waitUntilReady(planned, signal);
    this.#context.logger.debug({ process: planned.name }, 'process is ready');
  }
}
