import type { Hex } from '../util/bytes.ts';
import type { ReplicaState } from './replica-status.ts';
import type { SnapshotProgress } from './snapshot-sync/snapshot-sync-types.ts';

/** What a replica says of itself. JSON-safe. */
export interface FullNodeStatus {
  readonly state: ReplicaState;
  readonly isReady: boolean;
  /** Why it is not ready. */
  readonly reason: string | null;
  readonly epoch: number;
  readonly miniBlock: number;
  readonly miniBlockDigest: Hex;
  readonly block: number;
  readonly rootVerifiedBlock: number;
  readonly safeBlock: number | null;
  /** Mini-blocks that the sequencer signed and that are not applied. */
  readonly lag: number;
  /** Early messages that wait for others. */
  readonly waiting: number;
  readonly excludedProvers: readonly Hex[];
  /** The snapshot that is being taken from peers. */
  readonly snapshotSync: SnapshotProgress | null;
  /** Names the halt for an order to resume; null when not halted. */
  readonly haltDigest: Hex | null;
}
