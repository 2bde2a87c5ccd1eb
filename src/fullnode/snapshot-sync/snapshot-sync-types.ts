import type { Attestation } from '../../protocol/attestation.ts';
import type { Genesis } from '../../protocol/genesis.ts';
import type { SnapshotPeers } from '../../protocol/ports/network.ts';
import type { Hash } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import type { ProverAttestation } from '../attestation-result.ts';
import type { BannedPeers } from './banned-peers.ts';

/**
 * `snapshot`: a node that is new, or so far behind that no log reaches back to it, takes one from peers; `full`: it never
 * does, and has the whole history.
 */
export type SyncMode = 'snapshot' | 'full';

/** Which provers count. */
export type ProverSet = Pick<Genesis, 'provers' | 'threshold'>;

/** A snapshot that is being collected; its chunks are checked as they come. */
export interface IncomingSnapshot {
  readonly contentDigest: Hash;
  readonly blockNumber: number;
  readonly chunks: readonly { readonly length: number }[];
  /** Bytes of all chunks. */
  readonly stateBytes: number;
  /** Bytes of the chunks that are here. */
  readonly bytes: number;
  /** Chunks that are not here, ascending. */
  missing(): readonly number[];
  readonly missingCount: number;
  has(index: number): boolean;
  /** False: these bytes are not that chunk. @throws StrobeError SNAPSHOT_FAILED */
  add(index: number, chunk: Bytes): Promise<boolean>;
  /** Is this the block that was attested? @throws StrobeError INVALID_SNAPSHOT */
  confirm(attestation: Attestation): void;
}

/** Where a snapshot is collected; there is one at a time. It outlives the process. */
export interface SnapshotStaging {
  /** What an earlier process left; undefined: nothing of use. */
  resume(): Promise<IncomingSnapshot | undefined>;
  /**
   * Begins with a manifest, in place of what is there.
   * @throws StrobeError INVALID_SNAPSHOT when it contradicts itself, is not signed by a sequencer or is of other contents;
   *   GENESIS_MISMATCH; SNAPSHOT_OF_FORK when its chain has not the safe block of this node
   */
  begin(manifest: Bytes, contentDigest: Hash): Promise<IncomingSnapshot>;
  /**
   * Reads a complete one back: is it the state of its block? That takes long; it is broken off when `signal` aborts.
   * @throws StrobeError INVALID_SNAPSHOT, STATE_ROOT_MISMATCH; whatever, when it was broken off
   */
  check(signal: AbortSignal): Promise<void>;
  discard(): Promise<void>;
  /** Lets go of its file, which stays. */
  close(): Promise<void>;
}

/** Counts what taking a snapshot costs. */
export interface SnapshotSyncMetrics {
  recordChunk(bytes: number): void;
  recordRefusedChunk(): void;
  /** A phase is over. */
  recordPhase(phase: SnapshotPhase, seconds: number): void;
}

/** `manifest` and `chunks` come from peers; `check` recomputes root and registry, `switch` puts the node on the new state. */
export type SnapshotPhase = 'manifest' | 'chunks' | 'check' | 'switch';

/** A snapshot that is complete, and by whose word its block is right. */
export interface TakenSnapshot {
  readonly blockNumber: number;
  /** At least as many as the threshold, each of another prover, all of one result. */
  readonly attestations: readonly ProverAttestation[];
  /** The mini-block that could not be read beside the state here, when it is taken for that. */
  readonly repairs: number | undefined;
  /** True: only the state is to be replaced, the chain here has its block and what follows. */
  readonly keepsChain: boolean;
}

export interface SnapshotSyncModules {
  readonly peers: SnapshotPeers;
  readonly staging: SnapshotStaging;
  readonly metrics: SnapshotSyncMetrics;
  /** Who gave something false, as long as the process lives. */
  readonly banned: BannedPeers;
  /** The mini-block for which this process replaced its state last: doing so again would not help. */
  readonly repaired: number | undefined;
  /** A checked snapshot lies in the staging folder: the node is to go on from it. */
  readonly onTaken: (snapshot: TakenSnapshot) => void;
}

/** JSON-safe. */
export interface SnapshotProgress {
  readonly phase: SnapshotPhase;
  readonly block: number;
  /** Chunks that are here and checked. */
  readonly chunks: number;
  readonly totalChunks: number;
  readonly bytes: number;
  readonly totalBytes: number;
  /** Peers that have it and are asked. */
  readonly peers: number;
  readonly refusedChunks: number;
}
