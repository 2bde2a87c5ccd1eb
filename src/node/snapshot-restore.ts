import type { SnapshotLoader } from '../protocol/ports/state-snapshot.ts';
import type { SnapshotEntry } from '../store/snapshot/snapshot-directory.ts';
import type { SnapshotStore } from '../store/snapshot/snapshot-store.ts';
import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { isStrobeError } from '../util/errors.ts';

/** An empty state and what fills it. */
export interface EmptyState<State> {
  readonly state: State;
  readonly loader: SnapshotLoader;
}

export interface RestoredState<State> {
  readonly state: State;
  readonly manifest: SnapshotManifest;
}

export interface RestoreModules {
  readonly store: Pick<SnapshotStore, 'list' | 'read' | 'setAside'>;
  readonly logger: { error(fields: object, message: string): void };
  /** Says no to snapshots that are of no use here, which stay where they are. */
  readonly isUsable?: (entry: SnapshotEntry) => boolean;
  /** What is to be checked of a manifest besides that it is whole. @throws StrobeError INVALID_SNAPSHOT */
  readonly check?: (entry: SnapshotEntry) => void;
}

/**
 * Loads the newest snapshot that is whole; damaged ones are logged as errors and set aside. Undefined: there is none
 * (left), and the log has to reach back to genesis.
 * @param newState makes an empty state: one that took a part of a damaged snapshot is thrown away
 * @throws StrobeError GENESIS_MISMATCH, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED
 */
export async function restoreNewestSnapshot<State>(
  newState: () => EmptyState<State>,
  { store, logger, isUsable = () => true, check = () => {} }: RestoreModules,
): Promise<RestoredState<State> | undefined> {
  const { snapshots, damaged } = await store.list();
  for (const { error } of damaged) logger.error({ code: error.code, ...error.meta }, error.message);
  for (const entry of snapshots.filter(isUsable)) {
    const { state, loader } = newState();
    try {
      check(entry);
      return { state, manifest: await store.read(entry, loader) };
    } catch (error) {
      if (!isStrobeError(error, 'INVALID_SNAPSHOT')) throw error;
      logger.error({ code: error.code, ...error.meta }, `${error.message}; it is set aside and the one before is tried`);
      await store.setAside(entry);
    }
  }
  return undefined;
}
