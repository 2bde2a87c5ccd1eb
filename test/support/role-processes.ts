import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LIGHT_SCRYPT_N } from '../../src/crypto/keystore.ts';
import { saveKey } from '../../src/crypto/keystore-files.ts';
import { Secret } from '../../src/crypto/secret.ts';
import type { GenesisFile } from '../../src/protocol/genesis.ts';
import { freePorts } from './free-ports.ts';
import { NodeProcess, page } from './node-process.ts';
import type { TestAccount } from './test-accounts.ts';

const PASSWORD = 'not a secret';
/** JSON-RPC, metrics, peers. */
const PORTS_OF_ROLE = 3;

/** A replica or prover process and where it answers. */
export interface RunningRole {
  readonly process: NodeProcess;
  /** Provers have none. */
  readonly rpcUrl: string;
  readonly metricsUrl: string;
  readonly dataDir: string;
  /** Where peers can dial it. */
  readonly peerAddress: string;
  readonly ready: () => Promise<void>;
}

/** What a role gets beside what every one has. */
export interface RoleExtras {
  /** As its configuration file has them. */
  readonly settings?: object;
  /** On its command line. */
  readonly args?: readonly string[];
}

/** Single roles of any chain as processes, in a temporary folder and on free ports. */
export class RoleProcesses implements AsyncDisposable {
  readonly #root: string;
  readonly #started: NodeProcess[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  get genesisFile(): string {
    return join(this.#root, 'genesis.json');
  }

  /** Where a test may put files of its own. */
  file(name: string): string {
    return join(this.#root, name);
  }

  static async create(genesis: GenesisFile): Promise<RoleProcesses> {
    const root = await mkdtemp(join(tmpdir(), 'strobe-roles-'));
    await writeFile(join(root, 'genesis.json'), JSON.stringify(genesis));
    await writeFile(join(root, 'password'), PASSWORD);
    return new RoleProcesses(root);
  }

  /** Starts a replica; the same name again takes over the data of the one before. */
  replica(name: string, bootstrap: readonly string[], extra: RoleExtras = {}): Promise<RunningRole> {
    return this.#start('replica', name, bootstrap, extra);
  }

  async prover(
    name: string,
    bootstrap: readonly string[],
    { privateKey }: TestAccount,
    { settings = {}, args = [] }: RoleExtras = {},
  ): Promise<RunningRole> {
    return this.#start('prover', name, bootstrap, { settings: { ...settings, key: await this.#key(name, privateKey) }, args });
  }

  async sequencer(
    name: string,
    bootstrap: readonly string[],
    { privateKey }: TestAccount,
    { settings = {}, args = [] }: RoleExtras = {},
  ): Promise<RunningRole> {
    return this.#start('sequencer', name, bootstrap, { settings: { ...settings, key: await this.#key(name, privateKey) }, args });
  }

  /** Flags that open a key. */
  async operatorKey({ privateKey }: TestAccount): Promise<string[]> {
    const { keystore, passwordFile } = await this.#key('operator', privateKey);
    return ['--operator-key', keystore, '--password-file', passwordFile];
  }

  async #key(name: string, privateKey: Uint8Array): Promise<{ keystore: string; passwordFile: string }> {
    const options = { folder: join(this.#root, 'keys'), name, password: new Secret(PASSWORD), scryptN: LIGHT_SCRYPT_N };
    const { file } = await saveKey({ ...options, privateKey });
    return { keystore: file, passwordFile: join(this.#root, 'password') };
  }

  async #start(
    role: string,
    name: string,
    bootstrap: readonly string[],
    { settings = {}, args = [] }: RoleExtras,
  ): Promise<RunningRole> {
    const rpcPort = await freePorts(PORTS_OF_ROLE);
    const dataDir = join(this.#root, name);
    const configFile = join(this.#root, `${name}.json`);
    const config = {
      ...{ dataDir, genesis: join(this.#root, 'genesis.json'), log: { format: 'json' } },
      ...{ metrics: { port: rpcPort + 1 }, p2p: { port: rpcPort + 2, bootstrap } },
      ...(role === 'prover' ? {} : { rpc: { port: rpcPort } }),
      ...settings,
    };
    await writeFile(configFile, JSON.stringify(config));
    const process = new NodeProcess(name, [role, '--config', configFile, ...args], { supervised: true });
    this.#started.push(process);
    const metricsUrl = `http://127.0.0.1:${rpcPort + 1}`;
    const ready = async (): Promise<void> => {
      await process.until(async () => (await page(`${metricsUrl}/ready`))?.status === 200, 'ready');
    };
    const peerAddress = `/ip4/127.0.0.1/tcp/${rpcPort + 2}`;
    return { process, rpcUrl: `http://127.0.0.1:${rpcPort}`, metricsUrl, dataDir, peerAddress, ready };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((process) => process.crash()));
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}
