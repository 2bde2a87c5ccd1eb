import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { LIGHT_SCRYPT_N } from '../../src/crypto/keystore.ts';
import { saveKey } from '../../src/crypto/keystore-files.ts';
import { Secret } from '../../src/crypto/secret.ts';
import { loadSettings } from '../../src/node/config-load.ts';
import type { RunningNode } from '../../src/node/running-node.ts';
import { sequencerSettings } from '../../src/node/settings.ts';
import { startSequencer } from '../../src/node/start-sequencer.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { ChainBuilder } from './chain-builder.ts';
import { freePorts } from './free-ports.ts';
import { type TestAccount, testAccount } from './test-accounts.ts';

const PASSWORD = 'not a secret';

/** A whole sequencer in this process, with everything that it has in production. */
export class InProcessSequencer implements AsyncDisposable {
  readonly rpcUrl: string;
  readonly metricsUrl: string;
  readonly chainId: number;
  /** Funded. */
  readonly accounts: readonly TestAccount[];
  /** Lines of the log from `warn` on. */
  readonly complaints: string[];
  readonly #node: RunningNode;
  readonly #folder: string;

  private constructor(parts: {
    readonly node: RunningNode;
    readonly folder: string;
    readonly port: number;
    readonly genesis: ChainBuilder;
    readonly complaints: string[];
  }) {
    this.#node = parts.node;
    this.#folder = parts.folder;
    this.rpcUrl = `http://127.0.0.1:${parts.port}`;
    this.metricsUrl = `http://127.0.0.1:${parts.port + 1}`;
    this.chainId = parts.genesis.genesis.chainId;
    this.accounts = parts.genesis.accounts;
    this.complaints = parts.complaints;
  }

  /** @param settings by name, as flags */
  static async start(settings: Readonly<Record<string, unknown>> = {}): Promise<InProcessSequencer> {
    const folder = await mkdtemp(join(tmpdir(), 'strobe-in-process-'));
    const genesis = new ChainBuilder();
    await writeFile(join(folder, 'genesis.json'), JSON.stringify(genesis.genesisFile));
    await writeFile(join(folder, 'password'), PASSWORD);
    const key = { folder, password: new Secret(PASSWORD), privateKey: testAccount('sequencer').privateKey };
    const { file: keystore } = await saveKey({ ...key, scryptN: LIGHT_SCRYPT_N });
    const port = await freePorts(3);
    const flags = {
      ...{ dataDir: join(folder, 'data'), genesis: join(folder, 'genesis.json'), durability: 'os' },
      ...{ keystore, passwordFile: join(folder, 'password') },
      ...{ rpcPort: String(port), metricsPort: String(port + 1), p2pPort: String(port + 2) },
      ...settings,
    };
    const complaints: string[] = [];
    const destination = new Writable({
      write: (chunk, _encoding, done) => {
        complaints.push(String(chunk));
        done();
      },
    });
    const logger = createLogger({ level: 'warn', format: 'json', destination });
    const context = { logger, signal: new AbortController().signal };
    const node = await startSequencer(loadSettings(sequencerSettings, { flags, env: {} }), context);
    return new InProcessSequencer({ node, folder, port, genesis, complaints });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#node.stop();
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
