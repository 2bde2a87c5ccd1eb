import { join } from 'node:path';
import * as z from 'zod';
import { Secret } from '../crypto/secret.ts';
import { LOG_FORMATS, LOG_LEVELS } from '../observability/logger.ts';
import { PROOF_TYPE_NAMES } from '../protocol/proof-types.ts';
import { MAX_SHARES } from '../prover-stub/prover-share.ts';
import { HISTORY_BLOCKS } from '../state/chain-state.ts';
import type { Declaration, Setting, SettingsOf } from './config-setting.ts';
import { rpcSettings } from './settings-rpc.ts';

const port = (defaultPort: number) =>
  z.int('expected a port number').min(0, 'a port is 0 to 65535').max(65_535, 'a port is 0 to 65535').default(defaultPort);
const words = z.string().min(1, 'expected text');
const multiaddr = z
  .string()
  .regex(/^\/(?:ip4|ip6|dns|dns4|dns6)\/[^/]+\/tcp\/\d+(?:\/p2p\/\w+)?$/, 'expected a multiaddr such as /ip4/127.0.0.1/tcp/9645');

/** Most peers one bootstraps from: each is dialled at start. */
const MAX_BOOTSTRAP_PEERS = 32;
/** Most addresses one listens on. */
const MAX_LISTEN_ADDRESSES = 8;

export const logSettings = {
  logLevel: { schema: z.enum(LOG_LEVELS).default('info'), file: 'log.level', help: 'least severe level that is logged' },
  logFormat: {
    schema: z.enum(LOG_FORMATS).default('auto'),
    file: 'log.format',
    help: 'auto is pretty on a terminal, JSON lines elsewhere',
  },
} satisfies Declaration;

/** What every role has; ports differ so that all of them run on one machine without being told. */
function commonSettings(defaults: { dataDir: string; metricsPort: number; p2pPort: number }) {
  return {
    dataDir: { schema: words.default(defaults.dataDir), file: 'dataDir', path: true, help: 'folder this node keeps its data in' },
    genesis: { schema: words, file: 'genesis', path: true, help: 'genesis file of the chain' },
    ...logSettings,
    metricsHost: { schema: words.default('127.0.0.1'), file: 'metrics.host', help: 'host of /metrics, /health and /ready' },
    metricsPort: { schema: port(defaults.metricsPort), file: 'metrics.port', help: 'port of /metrics, /health and /ready' },
    p2pPort: { schema: port(defaults.p2pPort), file: 'p2p.port', help: 'port for peers' },
    p2pListen: {
      schema: z.array(multiaddr).min(1).max(MAX_LISTEN_ADDRESSES),
      file: 'p2p.listen',
      help: 'multiaddrs to listen on for peers',
      derived: {
        from: (values) => (values['p2pPort'] === undefined ? undefined : [`/ip4/127.0.0.1/tcp/${values['p2pPort']}`]),
        help: '/ip4/127.0.0.1/tcp/<p2p port>',
      },
    },
    bootstrap: {
      schema: z.array(multiaddr).max(MAX_BOOTSTRAP_PEERS).default([]),
      file: 'p2p.bootstrap',
      help: 'multiaddrs of peers to dial first',
    },
  } satisfies Declaration;
}

const keySettings = {
  keystore: { schema: words, file: 'key.keystore', path: true, help: 'V3 keystore of the key this node signs with' },
  passwordFile: {
    schema: words.optional(),
    file: 'key.passwordFile',
    path: true,
    help: 'file with the password of the keystore',
  },
  password: {
    schema: words.transform((text) => new Secret(text)).optional(),
    flag: false,
    help: 'password of the keystore',
  },
} satisfies Declaration;

/** Methods that change the node, for its operator. */
const adminSettings = {
  adminPort: {
    schema: z.int('expected a port number').min(0).max(65_535, 'a port is 0 to 65535').optional(),
    file: 'admin.port',
    help: 'port of the admin methods (JSON-RPC with a token); they are off unless given',
  },
  adminHost: { schema: words.default('127.0.0.1'), file: 'admin.host', help: 'host of the admin methods' },
  adminTokenFile: {
    schema: words,
    file: 'admin.tokenFile',
    path: true,
    help: 'file with the token of the admin methods; made when it is not there',
    derived: {
      from: (values) => (typeof values['dataDir'] === 'string' ? join(values['dataDir'], 'admin.token') : undefined),
      help: '<data dir>/admin.token',
    },
  },
} satisfies Declaration;

/** How much of the chain stays on disk, and how long a restart replays. */
export const storageSettings = {
  snapshotBlocks: {
    schema: z.int().min(1).default(3_600),
    file: 'storage.snapshotBlocks',
    help: 'blocks behind which a snapshot of the state is written',
  },
  snapshotLogBytes: {
    schema: z
      .int()
      .min(1_024)
      .default(256 * 1024 * 1024),
    file: 'storage.snapshotLogBytes',
    help: 'bytes of log behind which a snapshot of the state is written',
  },
  logRetainBytes: {
    schema: z
      .int()
      .min(0)
      .default(4 * 1024 * 1024 * 1024),
    file: 'storage.logRetainBytes',
    help: 'bytes of log kept for peers that come late; what this node still needs stays in any case',
  },
  logSegmentBytes: {
    schema: z
      .int()
      .min(4_096)
      .max(1024 * 1024 * 1024)
      .default(64 * 1024 * 1024),
    file: 'storage.logSegmentBytes',
    help: 'length at which a file of the log is full; the log is pruned by whole files',
  },
  historyBlocks: {
    schema: z.int().min(0).default(0),
    file: 'storage.historyBlocks',
    help: 'newest blocks whose transactions, receipts and logs are kept (at least 512); 0 keeps all',
  },
  stateHistory: {
    schema: z
      .union(
        [
          z.literal('archive'),
          z.int().min(1),
          z
            .string()
            .regex(/^[1-9]\d{0,14}$/)
            .transform(Number),
        ],
        {
          error: 'expected a number of blocks, or archive',
        },
      )
      .default(HISTORY_BLOCKS),
    file: 'storage.stateHistory',
    help: 'newest blocks whose state can be asked for: up to 128 from memory, more from disk; archive keeps all',
  },
} satisfies Declaration;

/** What `eth_getProof` answers for. */
export const proofSettings = {
  proofBlocks: {
    // The trie keeps 4,096 views; some are the safe block's, which may be far behind.
    schema: z.int().min(1).max(4_000).default(128),
    file: 'proofs.blocks',
    help: 'newest blocks whose state eth_getProof proves at once; the safe block and those above it always are',
  },
  proofArchive: {
    schema: z.boolean().default(true),
    file: 'proofs.archive',
    help: 'prove older blocks whose state is on disk (storage.stateHistory), with a second trie while one is asked for',
  },
} satisfies Declaration;

export const trieSetting = {
  trie: {
    schema: z.boolean().default(false),
    file: 'proofs.trie',
    help: 'keep the state trie in memory, some 350 bytes a key, and serve eth_getProof',
  },
} satisfies Declaration;

/** What shapes the sequencer's behaviour; the devnet passes these on to its sequencer. */
export const sequencingSettings = {
  miniBlockIntervalMs: {
    schema: z.int().min(1).max(1_000).optional(),
    file: 'miniBlockIntervalMs',
    help: 'overrides the genesis file on how often mini-blocks are made, down to 1 ms',
  },
  ordering: {
    schema: z.enum(['fifo', 'fee']).default('fifo'),
    file: 'ordering',
    help: 'order of transactions in a mini-block: arrival or priority fee',
  },
  durability: {
    schema: z.enum(['sync', 'os']).default('sync'),
    file: 'durability',
    help: 'sync answers only after the log is on disk; os leaves that to the operating system (power loss may undo)',
  },
  mempoolMaxTransactions: {
    // At most 128 KiB each, usually 0.2: about 10 MB of ordinary transactions.
    schema: z.int().min(1).max(1_000_000).default(50_000),
    file: 'mempool.maxTransactions',
    help: 'transactions that may wait in the pool',
  },
  mempoolMaxPerSender: {
    // Several seconds of one busy sender, and far from the whole pool.
    schema: z.int().min(1).max(1_000_000).default(4_096),
    file: 'mempool.maxPerSender',
    help: 'transactions of one sender that may wait in the pool',
  },
  mempoolLifetimeMs: {
    // Three hours, geth's lifetime for transactions that cannot run yet.
    schema: z
      .int()
      .min(1_000)
      .default(3 * 60 * 60 * 1_000),
    file: 'mempool.lifetimeMs',
    help: 'how long a transaction that cannot run yet stays in the pool, in ms',
  },
} satisfies Declaration;

export const sequencerSettings = {
  ...commonSettings({ dataDir: './data/sequencer', metricsPort: 9545, p2pPort: 9645 }),
  ...keySettings,
  // A call has the core thread to itself, which stops the clock: a quarter of the silence after which replicas report a stall.
  ...rpcSettings({ port: 8545, maxCallMs: 2_000, maxTraceMs: 2_000 }),
  ...adminSettings,
  ...storageSettings,
  ...proofSettings,
  ...sequencingSettings,
  daDir: {
    schema: words,
    file: 'da.dir',
    path: true,
    help: 'folder batches are posted to',
    derived: {
      from: (values) => (typeof values['dataDir'] === 'string' ? join(values['dataDir'], 'da') : undefined),
      help: '<data dir>/da',
    },
  },
} satisfies Declaration;

/** How a replica that is far behind gets on. */
const syncSettings = {
  syncMode: {
    schema: z.enum(['snapshot', 'full']).default('snapshot'),
    file: 'sync.mode',
    help: 'snapshot: a new node, and one that no log of a peer reaches back to, takes an attested snapshot; full: never',
  },
  syncSnapshotGapBlocks: {
    schema: z.int().min(1).default(600),
    file: 'sync.snapshotGapBlocks',
    help: 'block of a snapshot from which on a new node takes it though a log of a peer reaches back to genesis',
  },
} satisfies Declaration;

export const replicaSettings = {
  ...commonSettings({ dataDir: './data/replica', metricsPort: 9546, p2pPort: 9646 }),
  ...rpcSettings({ port: 8546, maxCallMs: 5_000, maxTraceMs: 5_000 }),
  ...adminSettings,
  ...storageSettings,
  ...trieSetting,
  ...proofSettings,
  ...syncSettings,
  daDir: { schema: words.optional(), file: 'da.dir', path: true, help: 'folder batches are read from' },
  resume: {
    schema: words.optional(),
    path: true,
    help: "file with the operator's order to leave halted, as `strobe resume` writes it; good for one halt",
  },
  sampleRate: {
    schema: z.number().min(0).max(1).default(0),
    file: 'sampleRate',
    help: 'share of the blocks that this replica executes again itself, 0 to 1; a wrong one halts it',
  },
} satisfies Declaration;

export const proverSettings = {
  ...commonSettings({ dataDir: './data/prover', metricsPort: 9548, p2pPort: 9648 }),
  ...keySettings,
  proofType: {
    schema: z.enum(PROOF_TYPE_NAMES).default('reexecution'),
    file: 'proofType',
    help: 'kind of proof; reexecution is a signature of a re-execution and no zero-knowledge proof',
  },
  shareIndex: {
    schema: z
      .int()
      .min(0)
      .max(MAX_SHARES - 1)
      .optional(),
    file: 'share.index',
    help: 'which part of the blocks this prover proves, from 0; all of them unless given',
  },
  shareOf: {
    schema: z.int().min(2).max(MAX_SHARES).optional(),
    file: 'share.of',
    help: 'how many parts the blocks are cut into, by their number; each part needs as many provers as the threshold',
  },
} satisfies Declaration;

/** Where the configuration file is; itself never in a file. */
export const configFileSetting = {
  config: { schema: words.optional(), path: true, help: 'YAML or JSON file with settings' },
} satisfies Record<string, Setting>;

export type LogSettings = SettingsOf<typeof logSettings>;
export type SequencerSettings = SettingsOf<typeof sequencerSettings>;
export type ReplicaSettings = SettingsOf<typeof replicaSettings>;
export type ProverSettings = SettingsOf<typeof proverSettings>;
