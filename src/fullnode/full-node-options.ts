import type { DiffCodec } from '../protocol/diff-codec.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import { STALL_AFTER_MS } from '../protocol/limits.ts';
import type { ChainReader, ChainWriter } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Gossip, PeerReader } from '../protocol/ports/network.ts';
import type { NetDiffComposer } from '../protocol/ports/state.ts';
import type { ResumeOrder } from '../protocol/resume-order.ts';
import type { ChainState } from '../state/chain-state.ts';
import type { RootTransition } from '../state/witness/witness-check.ts';
import type { Bytes } from '../util/bytes.ts';
import type { BlockReexecutor } from './block-reexecutor.ts';
import type { EvidenceStore } from './evidence/evidence-store.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { SnapshotSyncModules, SyncMode } from './snapshot-sync/snapshot-sync-types.ts';

export interface FullNodeOptions extends Partial<FullNodeLimits> {
  readonly identity: ChainIdentity;
  /** The operator's word for leaving `halted`; its signature was checked. */
  readonly resume?: ResumeOrder | undefined;
  readonly genesis: Pick<Genesis, 'sequencerKeys' | 'provers' | 'threshold' | 'gasLimit' | 'feeRecipient' | 'baseFeeFloorWei'>;
}

/** Settings with a default; times in ms. */
export interface FullNodeLimits {
  /** Silence of the sequencer after which the node says `stalled`. */
  readonly stallAfterMs: number;
  /** Early mini-blocks kept, by count and bytes; it is also how far above the head one is accepted. */
  readonly reorderBufferMax: number;
  readonly reorderBufferBytes: number;
  /** How far above the head seals, witnesses and attestations are accepted, blocks. */
  readonly blockWindow: number;
  /** Time that gossip gets to fill a gap before peers are asked. */
  readonly gapGraceMs: number;
  /** Mini-blocks asked for at once. */
  readonly rangeLimit: number;
  /** Pause after a range request that brought nothing: first and longest. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Time that gossip gets to bring a witness before a peer is asked. */
  readonly witnessGraceMs: number;
  /** Time that the safe head stands still before peers are asked for attestations. */
  readonly attestationGraceMs: number;
  /** Bytes of half-received witnesses. */
  readonly witnessBufferBytes: number;
  /** Whether a node that is new, or that no log reaches back to, takes a snapshot from its peers. */
  readonly syncMode: SyncMode;
  /** Block from which on a new node begins with a snapshot where ranges would do. */
  readonly snapshotGapBlocks: number;
  /** How long peers are asked for a snapshot that replaces a wrong state, while none of them offers one. */
  readonly repairWithinMs: number;
  /** Share of the blocks that this node executes again, 0 to 1. */
  readonly sampleRate: number;
}

export const DEFAULT_LIMITS: FullNodeLimits = {
  stallAfterMs: STALL_AFTER_MS,
  // 10 s of mini-blocks at the default interval: longer gaps are filled by range faster than by waiting.
  reorderBufferMax: 1_024,
  reorderBufferBytes: 64 * 1024 * 1024,
  // A minute of blocks: provers and chunks are not ahead of seals by more.
  blockWindow: 64,
  // A few gossip heartbeats: most out-of-order messages come by themselves.
  gapGraceMs: 150,
  rangeLimit: 2_000,
  backoffMinMs: 100,
  backoffMaxMs: 2_000,
  witnessGraceMs: 1_000,
  // Longer than a prover takes for a block.
  attestationGraceMs: 3_000,
  witnessBufferBytes: 128 * 1024 * 1024,
  syncMode: 'snapshot',
  // Ten minutes of blocks: applied in seconds, and with all their history.
  snapshotGapBlocks: 600,
  // Several askings of each peer; every node that has run for an hour has a snapshot.
  repairWithinMs: 10_000,
  sampleRate: 0,
};

/**
 * Proves a root transition from a witness; may run in another thread.
 * @throws StrobeError STATE_ROOT_MISMATCH when the claim is proven wrong, any other code when nothing is proven
 */
export type WitnessVerifier = (witness: Bytes, claim: RootTransition) => void | Promise<void>;

/** Structured logging, as pino has it. */
export interface FullNodeLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface Clock {
  /** µs since 1970. */
  nowUs(): number;
}

export interface FullNodeModules {
  readonly chainState: ChainState;
  readonly chain: ChainReader & ChainWriter;
  readonly log: MiniBlockLog;
  readonly codec: DiffCodec;
  readonly netDiffs: NetDiffComposer;
  readonly gossip: Gossip;
  readonly peers: PeerReader;
  readonly verifyWitness: WitnessVerifier;
  /** Executes sampled blocks again; without it none are sampled. */
  readonly reexecute?: BlockReexecutor;
  readonly evidence: EvidenceStore;
  readonly logger: FullNodeLogger;
  readonly metrics: FullNodeMetrics;
  readonly clock: Clock;
  /** Keeps a witness that proved its block, for peers. */
  readonly keepWitness?: (blockNumber: number, witness: Bytes) => Promise<void>;
  /** Absent: the node goes by ranges alone. */
  readonly snapshots?: SnapshotSyncModules;
  /** Has the node wired anew on what is on disk then; absent: what memory does not know how to undo stays. */
  readonly beginAnew?: () => void;
}
