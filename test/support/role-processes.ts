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
  readonly ready: () => Promise<void>;
}

/** Single roles of any chain as processes, in a temporary folder and on free ports. */
export class RoleProcesses implements AsyncDisposable {
  readonly #root: string;
  readonly #started: NodeProcess[] = [];

  private constructor(root: string) {
    this.#root = root;
  }

  static async create(genesis: GenesisFile): Promise<RoleProcesses> {
    const root = await mkdtemp(join(tmpdir(), 'strobe-roles-'));
    await writeFile(join(root, 'genesis.json'), JSON.stringify(genesis));
    await writeFile(join(root, 'password'), PASSWORD);
    return new RoleProcesses(root);
  }

  /** Starts a replica; the same name again takes over the data of the one before. */
  replica(name: string, bootstrap: readonly string[], settings: object = {}): Promise<RunningRole> {
    return this.#start('replica', name, bootstrap, settings);
  }

  async prover(name: string, bootstrap: readonly string[], { privateKey }: TestAccount): Promise<RunningRole> {
    return this.#start('prover', name, bootstrap, { key: await this.#key(name, privateKey) });
  }

  async sequencer(name: string, bootstrap: readonly string[], { privateKey }: TestAccount): Promise<RunningRole> {
    return this.#start('sequencer', name, bootstrap, { key: await this.#key(name, privateKey) });
  }

  async #key(name: string, privateKey: Uint8Array): Promise<{ keystore: string; passwordFile: string }> {
    const options = { folder: join(this.#root, 'keys'), name, password: new Secret(PASSWORD), scryptN: LIGHT_SCRYPT_N };
    const { file } = await saveKey({ ...options, privateKey });
    return { keystore: file, passwordFile: join(this.#root, 'password') };
  }

  async #start(role: string, name: string, bootstrap: readonly string[], extra: object): Promise<RunningRole> {
    const rpcPort = await freePorts(PORTS_OF_ROLE);
    const dataDir = join(this.#root, name);
    const configFile = join(this.#root, `${name}.json`);
    const config = {
      ...{ dataDir, genesis: join(this.#root, 'genesis.json'), log: { format: 'json' } },
      ...{ metrics: { port: rpcPort + 1 }, p2p: { port: rpcPort + 2, bootstrap } },
      ...(role === 'prover' ? {} : { rpc: { port: rpcPort } }),
      ...extra,
    };
    await writeFile(configFile, JSON.stringify(config));
    const process = new NodeProcess(name, [role, '--config', configFile], { supervised: true });
    this.#started.push(process);
    const metricsUrl = `http://127.0.0.1:${rpcPort + 1}`;
    const ready = async (): Promise<void> => {
      await process.until(async () => (await page(`${metricsUrl}/ready`))?.status === 200, 'ready');
    };
    return { process, rpcUrl: `http://127.0.0.1:${rpcPort}`, metricsUrl, dataDir, ready };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#started.map((process) => process.crash()));
    await rm(this.#root, { recursive: true, force: true, maxRetries: 5 });
  }
}
