import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import type { Gossip, PeerReader, SnapshotPeers } from '../protocol/ports/network.ts';
import type { Address } from '../protocol/primitives.ts';
import type { ProgressFile } from './progress-file.ts';
import type { ProofMaker } from './proof-makers.ts';
import type { ProverMetrics } from './prover-metrics.ts';
import type { ProverShare } from './prover-share.ts';

export interface ProverOptions extends Partial<ProverLimits> {
  readonly identity: ChainIdentity;
  readonly genesis: Genesis;
  /** Whose key signs. */
  readonly prover: Address;
  /** The blocks to prove. */
  readonly share: ProverShare;
}

/** Settings with a default; times in ms. */
export interface ProverLimits {
  /** Mini-blocks kept that wait for their block, by count and bytes; farther ones are read by range later. */
  readonly maxMiniBlocks: number;
  readonly maxMiniBlockBytes: number;
  /** How far above the newest attested block seals and witnesses are kept, blocks. */
  readonly blockWindow: number;
  /** Bytes of witnesses that gossip brings ahead of their turn. */
  readonly maxWitnessBytes: number;
  /** Time that gossip gets to bring what is missing before peers are asked. */
  readonly gossipGraceMs: number;
  /** Pause after a request to peers that brought nothing: first and longest. */
  readonly backoffMinMs: number;
  readonly backoffMaxMs: number;
  /** Silence after which peers are asked for news that gossip may have lost. */
  readonly pollMs: number;
  /** Mini-blocks asked for at once. */
  readonly rangeLimit: number;
  /** Requests for mini-blocks that nobody has before those are given up that peers have pruned. */
  readonly rangeAttempts: number;
  /** Requests for a witness before the block is given up, if peers have a newer block's. */
  readonly witnessAttempts: number;
  /** A block that takes longer shows a failure of the library: the prover ends. */
  readonly blockTimeoutMs: number;
  readonly republishIntervalMs: number;
}

export const DEFAULT_PROVER_LIMITS: ProverLimits = {
  // Four blocks at the shortest mini-block interval.
  maxMiniBlocks: 4_096,
  maxMiniBlockBytes: 128 * 1024 * 1024,
  blockWindow: 64,
  maxWitnessBytes: 128 * 1024 * 1024,
  gossipGraceMs: 200,
  backoffMinMs: 100,
  backoffMaxMs: 2_000,
  pollMs: 5_000,
  rangeLimit: 1_000,
  // Half a minute, in which all peers are found: what one of them pruned was safe, so little is at stake.
  rangeAttempts: 16,
  // Two minutes: a sequencer that restarts is back by then, when all others joined too late to have the witness.
  witnessAttempts: 64,
  blockTimeoutMs: 120_000,
  republishIntervalMs: 5_000,
};

/** The part of a logger that the prover uses. */
export interface ProverLogger {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface ProverModules {
  readonly gossip: Gossip;
  readonly peers: PeerReader;
  /** Tells how far the logs of peers reach back. */
  readonly offers: Pick<SnapshotPeers, 'offers'>;
  readonly maker: ProofMaker;
  readonly progress: ProgressFile;
  readonly logger: ProverLogger;
  readonly metrics: ProverMetrics;
}
