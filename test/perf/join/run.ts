import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import type { SnapshotSyncSummary } from '../../../src/node/snapshot-sync-record.ts';
import { type Attestation, attestationDigest } from '../../../src/protocol/attestation.ts';
import { chainIdentity, type GenesisFile, parseGenesis } from '../../../src/protocol/genesis.ts';
import { StateTrie } from '../../../src/state/state-trie.ts';
import { listSnapshots } from '../../../src/store/snapshot/snapshot-directory.ts';
import type { SnapshotManifest } from '../../../src/store/snapshot/snapshot-types.ts';
import { defined } from '../../support/defined.ts';
import { type NodeInfoJson, nodeInfo } from '../../support/json-rpc.ts';
import { RoleProcesses } from '../../support/role-processes.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { processSeconds, residentBytes } from '../replica-stream/process-usage.ts';
import { StreamReader } from '../replica-stream/stream-file.ts';
import { chainFlags, type JoinBenchOptions, parseJoinOptions } from './join-options.ts';
import { ServingPeer } from './serving-peer.ts';

// Lets a replica process join a synthetic chain from peers that serve it, and says how long it took. Options: join-options.ts.

/** A million accounts with what the tries add. */
const GENERATOR_HEAP_MB = 16_000;
/** A chain of many blocks is applied block by block in full mode. */
const JOIN_TIMEOUT_MS = 30 * 60_000;

interface Joined {
  /** From the start of the process until it was live. */
  readonly seconds: number;
  /** Until it served JSON-RPC. */
  readonly startSeconds: number;
  /** From then, or from the switch to the snapshot, until it was live. */
  readonly rangeSeconds: number;
  readonly lastSnapshotSync: SnapshotSyncSummary | null;
  readonly peakBytes: number;
  readonly processorSeconds: number;
}

function makeChain(options: JoinBenchOptions): void {
  console.log(`making ${options.blocks} blocks of ${options.keys} keys`);
  const script = join(import.meta.dirname, 'generate-process.ts');
  execFileSync(process.execPath, [`--max-old-space-size=${GENERATOR_HEAP_MB}`, script, ...chainFlags(options)], {
    stdio: 'inherit',
  });
}

function identityOf(file: GenesisFile): ReturnType<typeof chainIdentity> {
  const genesis = parseGenesis(file);
  const trie = StateTrie.empty();
  trie.apply(genesis.allocation);
  return chainIdentity(genesis, trie.root());
}

/** What the genesis file's first prover says of the snapshot's block. */
function attest({ header, headers, blockHash, seal, genesisHash, chainId }: SnapshotManifest): Attestation {
  const { stateDiffDigest, lastDigest } = defined(seal);
  const unsigned = {
    ...{ proofType: 1, blockNumber: header.number, blockHash, stateDiffDigest, success: true },
    ...{ preStateRoot: defined(headers.at(-2)).stateRoot, postStateRoot: header.stateRoot },
    ...{ receiptsRoot: header.receiptsRoot, lastMiniBlockDigest: lastDigest },
  };
  return { ...unsigned, signature: testSigner('prover 0').sign(attestationDigest(unsigned, { genesisHash, chainId })) };
}

async function joinFrom(
  options: JoinBenchOptions,
  genesis: GenesisFile,
  bootstrap: readonly string[],
  last: number,
): Promise<Joined> {
  await using roles = await RoleProcesses.create(genesis);
  const startedMs = performance.now();
  const elapsed = (): number => (performance.now() - startedMs) / 1_000;
  const replica = await roles.replica('replica', bootstrap, { settings: { sync: { mode: options.mode } } });
  let upSeconds: number | undefined;
  let switchedSeconds: number | undefined;
  const info = await replica.process.until(
    async () => {
      const answer = (await nodeInfo(replica.rpcUrl).catch(() => undefined)) as
        | (NodeInfoJson & Pick<Joined, 'lastSnapshotSync'>)
        | undefined;
      if (answer !== undefined) upSeconds ??= elapsed();
      if (answer?.lastSnapshotSync) switchedSeconds ??= elapsed();
      return answer?.state === 'live' && answer.miniBlock >= last ? answer : undefined;
    },
    'the replica is live',
    JOIN_TIMEOUT_MS,
  );
  const { lastSnapshotSync } = info;
  const seconds = elapsed();
  const startSeconds = upSeconds ?? seconds;
  const rangeSeconds = seconds - (switchedSeconds ?? startSeconds);
  const { pid } = replica.process;
  const usage = { peakBytes: residentBytes(pid).peak, processorSeconds: processSeconds(pid) };
  return { seconds, startSeconds, rangeSeconds, lastSnapshotSync, ...usage };
}

async function measure(options: JoinBenchOptions): Promise<void> {
  const { folder, mode } = options;
  const reader = new StreamReader(folder, chainFlags(options));
  const { index } = reader;
  const identity = identityOf(index.genesis);
  const { manifest } = defined((await listSnapshots(join(folder, 'snapshots'))).snapshots[0]);
  const logFirst = mode === 'full' ? 0 : manifest.head.number;
  await using peers = new AsyncDisposableStack();
  const serving: ServingPeer[] = [];
  for (let i = 0; i < options.peers; i++) {
    const sequencer = i === 0 ? testSigner('sequencer') : undefined;
    serving.push(
      peers.use(await ServingPeer.start({ identity, folder, logFirst, attestations: [attest(manifest)] }, reader, sequencer)),
    );
  }
  const joined = await joinFrom(
    options,
    index.genesis,
    serving.map(({ address }) => address),
    index.lastMiniBlock,
  );
  report(options, joined, serving, manifest);
}

function report(
  { keys, blocks, mode }: JoinBenchOptions,
  joined: Joined,
  peers: readonly ServingPeer[],
  { mark, head, header }: SnapshotManifest,
): void {
  const { lastSnapshotSync: sync, seconds, startSeconds, rangeSeconds } = joined;
  const mb = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
  const line = (name: string, text: string): void => console.log(`${name.padEnd(28)}${text}`);
  const counts = `${blocks} blocks, ${mark.accounts + mark.slots} keys (${keys} asked for)`;
  line('chain', `${counts}, snapshot of block ${header.number} at mini-block ${head.number}`);
  line('mode', `${mode}, ${peers.length} peers`);
  line('process start to live', `${seconds.toFixed(2)} s`);
  line('  process start', `${startSeconds.toFixed(2)} s`);
  for (const [phase, value] of Object.entries(sync?.seconds ?? {})) line(`  ${phase}`, `${value.toFixed(2)} s`);
  line('  ranges', `${rangeSeconds.toFixed(2)} s`);
  if (sync !== null) line('snapshot', `block ${sync.block}, ${sync.chunks} chunks, ${mb(sync.bytes)}`);
  for (const [number, peer] of peers.entries()) {
    line(`from peer ${number + 1}`, `${mb(peer.sent.snapshot)} of the snapshot, ${mb(peer.sent.range)} of the log`);
  }
  line('processor time', `${joined.processorSeconds.toFixed(1)} s`);
  line('peak memory of the replica', mb(joined.peakBytes));
  line('load of the machine', (loadavg()[0] as number).toFixed(1));
}

const options = parseJoinOptions(process.argv.slice(2));
if (!options.reuse) makeChain(options);
await measure(options);
