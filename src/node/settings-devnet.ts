import * as z from 'zod';
import { parseShare } from '../prover-stub/prover-share.ts';
import type { Declaration, SettingsOf } from './config-setting.ts';
import { logSettings, proofSettings, sequencingSettings, storageSettings, trieSetting } from './settings.ts';
import { rpcAccessSettings } from './settings-rpc.ts';

/** Each node takes the base and the next ones; this leaves room below 65536. */
const basePort = (defaultPort: number) =>
  z.int('expected a port number').min(1).max(65_000, 'a first port is 1 to 65000').default(defaultPort);

export const devnetSettings = {
  dataDir: { schema: z.string().min(1).default('./data/devnet'), file: 'dataDir', path: true, help: 'folder of the devnet' },
  fresh: { schema: z.boolean().default(false), help: 'delete the data of an earlier devnet first' },
  rpcHost: { schema: z.string().min(1).default('127.0.0.1'), file: 'rpc.host', help: 'host of the JSON-RPC servers' },
  rpcPort: { schema: basePort(8545), file: 'rpc.port', help: "the sequencer's JSON-RPC port; replicas take the next ones" },
  ...rpcAccessSettings,
  metricsPort: { schema: basePort(9545), file: 'metrics.port', help: 'first metrics port; one per process' },
  p2pPort: { schema: basePort(9645), file: 'p2p.port', help: 'first port for peers; one per process' },
  replicas: { schema: z.int().min(0).max(8).default(2), file: 'replicas', help: 'number of replicas' },
  provers: {
    schema: z.int().min(1).max(4).default(1),
    file: 'provers',
    help: 'number of provers; a majority makes a block safe',
  },
  shares: {
    schema: z
      .array(z.string().refine((text) => parseShare(text) !== undefined, 'expected all, or index/of such as 0/2'))
      .max(4)
      .default([]),
    file: 'shares',
    help: 'what each prover proves, in order: all, or index/of such as 0/2; all for those left out',
  },
  chainId: { schema: z.int().min(1).default(424_242), file: 'chainId', help: 'chain id of a new devnet' },
  accounts: { schema: z.int().min(1).max(1_000).default(50), file: 'accounts', help: 'funded accounts of a new devnet' },
  blockIntervalMs: {
    schema: z.int().min(1_000).max(60_000).default(1_000),
    file: 'blockIntervalMs',
    help: 'time between blocks of a new devnet, in ms',
  },
  ...logSettings,
  ...storageSettings,
  trie: { ...trieSetting.trie, help: 'replicas keep the state trie in memory, some 350 bytes a key, and serve eth_getProof' },
  ...proofSettings,
  ...sequencingSettings,
} satisfies Declaration;

export type DevnetSettings = SettingsOf<typeof devnetSettings>;
