import type { DiffCodec } from '../protocol/diff-codec.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { ExecutionEngine } from '../protocol/ports/execution.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Gossip } from '../protocol/ports/network.ts';
import type { StateReader, WorldState } from '../protocol/ports/state.ts';
import type { Signer } from '../protocol/signing.ts';
import type { ChainState } from '../state/chain-state.ts';
import type { RecentHeaders } from '../state/recent-headers.ts';
import type { RootsHost } from '../state/roots-host.ts';
import type { Bytes } from '../util/bytes.ts';
import type { Mempool } from './mempool.ts';

/** The part of a logger that the sequencer uses. */
export interface SequencerLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface SequencerClock {
  /** Wall clock, ms since 1970 with fractions: what messages and blocks carry. It may be set back. */
  nowMs(): number;
  /** ms since some moment, never set back: what the loop waits by. */
  elapsedMs(): number;
}

export interface SequencerMetrics {
  recordMiniBlock(sample: MiniBlockSample): void;
  recordBlockSealed(sample: BlockSealSample): void;
  recordRejected(code: string): void;
  recordAttestation(outcome: string): void;
}

export interface MiniBlockSample {
  readonly number: number;
  /** Time since the mini-block before began; undefined after a pause without work. */
  readonly intervalSeconds: number | undefined;
  readonly executionSeconds: number;
  /** Signing, log and state after execution. */
  readonly commitSeconds: number;
  readonly transactions: number;
  readonly gasUsed: bigint;
  readonly diffBytes: number;
  readonly bodyBytes: number;
}

export interface BlockSealSample {
  readonly number: number;
  /** Time until the next block could be executed: the roots. */
  readonly stallSeconds: number;
  /** Time until the block was durable and visible. */
  readonly sealSeconds: number;
  readonly witnessBytes: number;
}

/** Where witnesses are kept for provers and replicas that come late. */
export interface WitnessSink {
  put(blockNumber: number, witness: Bytes): Promise<void>;
}

export interface SequencerOptions {
  readonly genesis: Genesis;
  readonly identity: ChainIdentity;
  /** Overrides the interval of the genesis file. */
  readonly miniBlockIntervalMs: number;
}

export interface SequencerModules {
  readonly signer: Signer;
  readonly engine: ExecutionEngine;
  /** What the engine executes on. */
  readonly world: WorldState;
  /** The state below it. */
  readonly committed: StateReader;
  readonly mempool: Mempool;
  readonly roots: RootsHost;
  readonly chainState: ChainState;
  readonly chain: ChainReader & ChainWriter;
  readonly log: MiniBlockLog;
  readonly codec: DiffCodec;
  readonly gossip: Gossip;
  readonly witnesses: WitnessSink;
  readonly recentHeaders: Pick<RecentHeaders, 'takeAncestors' | 'add'>;
  readonly clock: SequencerClock;
  readonly logger: SequencerLogger;
  readonly metrics: SequencerMetrics;
}
