import { execFileSync } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { chainIdentity, type GenesisFile, parseGenesis } from '../../../src/protocol/genesis.ts';
import { StateTrie } from '../../../src/state/state-trie.ts';
import { errorMessage } from '../../../src/util/errors.ts';
import { RoleProcesses } from '../../support/role-processes.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { pin, residentBytes, threadSeconds } from './process-usage.ts';
import { ReplicaWatch } from './replica-watch.ts';
import { type Measured, printReport } from './report.ts';
import { StreamReader } from './stream-file.ts';
import { parseStreamOptions, type StreamOptions, toFlags } from './stream-options.ts';
import { StreamPlayer } from './stream-player.ts';

// Feeds a replica process a synthetic stream of state diffs and says how it keeps up. Options: stream-options.ts.

const REPLICA_CORE = 0;
const GENERATOR_CORE = 1;
/** Mini-blocks of the set-up that are under way at a time: below what gossip queues for a peer. */
const SETUP_WINDOW = 4;
/** For one window of the set-up, and for what is left at the end. */
const CATCH_UP_MS = 60_000;
/** A million accounts with what the tries add. */
const GENERATOR_HEAP_MB = 16_000;

/** Metrics that say whether gossip brought everything. */
const METRICS = [
  'strobe_replica_dropped_messages_total',
  'strobe_replica_range_requests_total',
  'strobe_replica_undone_mini_blocks_total',
  'strobe_event_loop_delay_p99_seconds',
] as const;

function makeStream(options: StreamOptions): void {
  const script = join(import.meta.dirname, 'generate-process.ts');
  const args = [`--max-old-space-size=${GENERATOR_HEAP_MB}`, script, ...toFlags(options)];
  execFileSync(process.execPath, args, { stdio: 'inherit' });
}

function identityOf(file: GenesisFile): ReturnType<typeof chainIdentity> {
  const genesis = parseGenesis(file);
  const trie = StateTrie.empty();
  trie.apply(genesis.allocation);
  return chainIdentity(genesis, trie.root());
}

async function setUp(player: StreamPlayer, watch: ReplicaWatch, lastSetUp: number): Promise<void> {
  for (let number = 1; number <= lastSetUp; number++) {
    if (number > SETUP_WINDOW) await watch.reaches(number - SETUP_WINDOW, CATCH_UP_MS);
    player.publishNext();
  }
  await watch.reaches(lastSetUp, CATCH_UP_MS);
}

async function measure(options: StreamOptions): Promise<Measured> {
  const reader = new StreamReader(options.folder, toFlags(options));
  const { index } = reader;
  await using player = await StreamPlayer.start(identityOf(index.genesis), testSigner('sequencer'), reader);
  await using roles = await RoleProcesses.create(index.genesis);
  const replica = await roles.replica('replica', [player.address]);
  const { pid } = replica.process;
  const isPinned = pin(pid, REPLICA_CORE) && pin(process.pid, GENERATOR_CORE);
  await replica.ready();
  await using watch = await ReplicaWatch.start(replica);
  console.log(`set-up: ${options.holders} holders in ${index.lastSetUp} mini-blocks`);
  const setUpFromMs = performance.now();
  await setUp(player, watch, index.lastSetUp);
  const setUpSeconds = (performance.now() - setUpFromMs) / 1_000;

  console.log(`measuring for ${options.seconds} s`);
  watch.beginMeasuring();
  const ended = new AbortController();
  void replica.process.exited.then(() => ended.abort());
  const before = threadSeconds(pid);
  const fromMs = performance.now();
  const served = player.served;
  await player.play(index.lastMiniBlock - index.lastSetUp, options.intervalMs, ended.signal);
  const playedMs = performance.now() - fromMs;
  const seconds = replica.process.hasExited ? before : threadSeconds(pid);
  const stateAtEnd = [...watch.states.keys()];
  const failure = await watch.reaches(index.lastMiniBlock, CATCH_UP_MS).then(() => undefined, errorMessage);
  return {
    options,
    index,
    isPinned,
    setUpSeconds,
    playedSeconds: playedMs / 1_000,
    drainSeconds: (performance.now() - fromMs - playedMs) / 1_000,
    failure,
    publishedAtMs: player.publishedAtMs,
    visibleAtMs: watch.visibleAtMs,
    late: player.late,
    served: player.served - served,
    states: Object.fromEntries(watch.states),
    statesWhilePlaying: stateAtEnd,
    processorShares: shares(before, seconds, playedMs / 1_000),
    resident: replica.process.hasExited ? { now: 0, peak: 0 } : residentBytes(pid),
    metrics: replica.process.hasExited ? new Map() : await watch.metrics(METRICS),
    load: loadavg()[0] as number,
  };
}

function shares(before: ReadonlyMap<string, number>, after: ReadonlyMap<string, number>, seconds: number): Map<string, number> {
  const used = [...after].map(([name, total]): [string, number] => [name, (total - (before.get(name) ?? 0)) / seconds]);
  return new Map(used.sort(([, a], [, b]) => b - a));
}

const options = parseStreamOptions(process.argv.slice(2));
if (!options.reuse) makeStream(options);
printReport(await measure(options));
