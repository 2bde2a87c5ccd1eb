import { join } from 'node:path';
import { LogGuard } from '../store/log-guard.ts';
import { type BeginsBy, beginChainAt } from '../store/open-chain-store.ts';
import { assertContinues, hasComeAsFar } from '../store/snapshot/existing-chain.ts';
import { withSnapshotFile } from '../store/snapshot/snapshot-file.ts';
import { SnapshotStore } from '../store/snapshot/snapshot-store.ts';
import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { discardStaged } from '../store/snapshot/staged-snapshot.ts';

/** Where a node keeps its snapshots. */
export function snapshotDirectory(dataDir: string): string {
  return join(dataDir, 'snapshots');
}

/** Where it collects one from its peers. */
export function stagingDirectory(dataDir: string): string {
  return join(dataDir, 'snapshot-sync');
}

/** Keeps nodes out of the data directory for the time of `action`. @throws StrobeError LOCKED */
export async function whileStopped<Result>(dataDir: string, action: (guard: LogGuard) => Promise<Result>): Promise<Result> {
  const guard = await LogGuard.acquire(join(dataDir, 'log'));
  try {
    return await action(guard);
  } finally {
    await guard.release(undefined);
  }
}

/**
 * Puts the snapshot at `path`, which was collected from peers, in the place of the state of a stopped node whose chain has
 * its block and whose log leads on from there. What this node wrote of that block and later ones goes: it may be as wrong.
 */
export async function replaceState(dataDir: string, path: string): Promise<void> {
  const manifest = await withSnapshotFile(path, async (file) => file.manifest);
  const { genesisHash } = manifest;
  await whileStopped(dataDir, async () => {
    const snapshots = await SnapshotStore.open({ directory: snapshotDirectory(dataDir), genesisHash });
    await snapshots.replaceBy({ path, manifest });
  });
  await discardStaged(stagingDirectory(dataDir));
}

interface Intake<Result> {
  readonly dataDir: string;
  /** Held. */
  readonly guard: LogGuard;
  /** Puts the file beside the others. */
  readonly put: (store: SnapshotStore) => Promise<Result>;
  readonly by: BeginsBy;
}

/**
 * Has the chain of a stopped node begin with a snapshot that was checked.
 * @throws StrobeError as assertContinues, SnapshotStore and beginChainAt do
 */
export async function takeIn<Result>(manifest: SnapshotManifest, { dataDir, guard, put, by }: Intake<Result>): Promise<Result> {
  const { genesisHash, seal } = manifest;
  const chain = join(dataDir, 'chain');
  const kept = by === 'operator' ? 'head' : 'safe';
  const isHere = await assertContinues(manifest, { chain, log: join(dataDir, 'log') }, kept);
  const result = await put(await SnapshotStore.open({ directory: snapshotDirectory(dataDir), genesisHash }));
  if (!isHere && seal !== undefined) {
    await guard.note('imported');
    await beginChainAt(seal, chain, by);
  }
  return result;
}

/**
 * As {@link takeIn}, of the snapshot at `path` that was collected from peers, which leaves its place.
 * @returns false, and nothing is changed, when what was still on its way from peers took the chain as far meanwhile
 */
export async function takeStaged(dataDir: string, path: string, by: BeginsBy): Promise<boolean> {
  const manifest = await withSnapshotFile(path, async (file) => file.manifest);
  const put = (store: SnapshotStore) => store.adopt({ path, manifest });
  const isTaken = await whileStopped(dataDir, async (guard) => {
    if (await hasComeAsFar(manifest, { chain: join(dataDir, 'chain'), log: join(dataDir, 'log') })) return false;
    await takeIn(manifest, { dataDir, guard, put, by });
    return true;
  });
  await discardStaged(stagingDirectory(dataDir));
  return isTaken;
}
