import { join } from 'node:path';
import { ALL_BLOCKS, firstUncovered, type ProverShare, parseShare } from '../prover-stub/prover-share.ts';
import { configError } from './config-error.ts';
import type { DevnetPaths } from './devnet-directory.ts';
import { majorityOf } from './devnet-genesis.ts';
import { proverName } from './devnet-keys.ts';
import type { DevnetSettings } from './settings-devnet.ts';
import { rpcAccessOf } from './settings-rpc.ts';

export type DevnetRole = 'sequencer' | 'replica' | 'prover';

/** One process of a devnet. */
export interface DevnetProcess {
  /** `sequencer`, `replica-1`, `prover-1`: the prefix of its log lines and the name of its folder. */
  name: string;
  role: DevnetRole;
  /** Absent for provers, which serve no JSON-RPC. */
  rpcPort?: number;
  metricsPort: number;
  p2pPort: number;
  /** Scheduling priority for `os.setPriority`: higher yields to lower. */
  niceness: number;
  configFile: string;
  /** What the configuration file says; its keys are those of the role's settings. */
  config: Record<string, unknown>;
}

/** The sequencer's clock is what everything waits for; replicas and, last, provers take what is left of the machine. */
const NICENESS: Record<DevnetRole, number> = { sequencer: 0, replica: 10, prover: 19 };

/** Only the machine itself scrapes a devnet. */
const METRICS_HOST = '127.0.0.1';

/** Lays out the processes of a devnet: the sequencer first, then replicas, then provers, each with the next ports. */
export function planDevnet(settings: DevnetSettings, paths: DevnetPaths): DevnetProcess[] {
  assertSharesCover(settings);
  const names: [string, DevnetRole][] = [['sequencer', 'sequencer']];
  for (let index = 0; index < settings.replicas; index++) names.push([`replica-${index + 1}`, 'replica']);
  for (let index = 0; index < settings.provers; index++) names.push([proverName(index), 'prover']);
  return names.map(([name, role], index) => planProcess(name, role, index, settings, paths));
}

function planProcess(name: string, role: DevnetRole, index: number, settings: DevnetSettings, paths: DevnetPaths): DevnetProcess {
  const folder = paths.processFolder(name);
  const metricsPort = settings.metricsPort + index;
  const p2pPort = settings.p2pPort + index;
  const rpcPort = settings.rpcPort + index;
  const config = {
    dataDir: join(folder, 'data'),
    genesis: paths.genesis,
    log: { level: settings.logLevel, format: 'json' },
    metrics: { host: METRICS_HOST, port: metricsPort },
    p2p: { port: p2pPort, bootstrap: role === 'sequencer' ? [] : [`/ip4/127.0.0.1/tcp/${settings.p2pPort}`] },
    ...(role === 'prover'
      ? {}
      : { rpc: { host: settings.rpcHost, port: rpcPort, ...rpcAccessOf(settings) }, da: { dir: paths.da } }),
    ...(role === 'replica' ? {} : { key: { keystore: join(paths.keys, `${name}.json`), passwordFile: paths.passwordFile } }),
    ...(role === 'prover' ? {} : { storage: storage(settings), proofs: proofs(role, settings) }),
    ...(role === 'sequencer' ? sequencing(settings) : {}),
    ...(role === 'prover' ? shareOf(settings, index - 1 - settings.replicas) : {}),
  };
  const common = { name, role, metricsPort, p2pPort, niceness: NICENESS[role], configFile: join(folder, 'strobe.yaml'), config };
  return role === 'prover' ? common : { ...common, rpcPort };
}

function shareOf({ shares }: DevnetSettings, prover: number): { share?: ProverShare } {
  const share = parseShare(shares[prover] ?? 'all') ?? ALL_BLOCKS;
  return share.of === 1 ? {} : { share };
}

/** All provers are known here, so a block that could never become safe is found before anything starts. */
function assertSharesCover({ provers, shares }: DevnetSettings): void {
  if (shares.length > provers) throw configError([`shares lists ${shares.length} provers, and there are ${provers}`]);
  const all = Array.from({ length: provers }, (_, prover) => parseShare(shares[prover] ?? 'all') ?? ALL_BLOCKS);
  const blockNumber = firstUncovered(all, majorityOf(provers));
  if (blockNumber === undefined) return;
  throw configError([`shares: block ${blockNumber} would have fewer than ${majorityOf(provers)} provers and never become safe`]);
}

function storage(settings: DevnetSettings): Record<string, unknown> {
  const { snapshotBlocks, snapshotLogBytes, logRetainBytes, logSegmentBytes, historyBlocks, stateHistory } = settings;
  return { snapshotBlocks, snapshotLogBytes, logRetainBytes, logSegmentBytes, historyBlocks, stateHistory };
}

/** A sequencer has the trie anyway. */
function proofs(role: DevnetRole, { trie, proofBlocks, proofArchive }: DevnetSettings): Record<string, unknown> {
  return { blocks: proofBlocks, archive: proofArchive, ...(role === 'replica' && { trie }) };
}

function sequencing(settings: DevnetSettings): Record<string, unknown> {
  return {
    ...(settings.miniBlockIntervalMs === undefined ? {} : { miniBlockIntervalMs: settings.miniBlockIntervalMs }),
    ordering: settings.ordering,
    durability: settings.durability,
    mempool: {
      maxTransactions: settings.mempoolMaxTransactions,
      maxPerSender: settings.mempoolMaxPerSender,
      lifetimeMs: settings.mempoolLifetimeMs,
    },
  };
}
