import { stat } from 'node:fs/promises';
import { openDataFormat } from '../store/data-format.ts';
import { listSnapshots, type SnapshotEntry } from '../store/snapshot/snapshot-directory.ts';
import { withSnapshotFile } from '../store/snapshot/snapshot-file.ts';
import { copySnapshot, type SnapshotStore } from '../store/snapshot/snapshot-store.ts';
import { toHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { configError } from './config-error.ts';
import { loadGenesisChain } from './genesis-chain.ts';
import { snapshotDirectory, takeIn, whileStopped } from './snapshot-import.ts';
import { assertTrustworthy } from './snapshot-trust.ts';
import { VERSION } from './version.ts';

/** A snapshot in words, for people and scripts. */
export interface SnapshotSummary {
  readonly path: string;
  readonly blockNumber: number;
  /** Hex. */
  readonly blockHash: string;
  /** Length of the file. */
  readonly bytes: number;
  /** ISO 8601. */
  readonly createdAt: string;
}

/**
 * Snapshots of a data directory, newest first, and what is wrong with files that are none; of a running node too.
 * @throws StrobeError INVALID_CONFIG, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED
 */
export async function listSnapshotsOf(dataDir: string): Promise<{ snapshots: SnapshotSummary[]; problems: string[] }> {
  await assertDirectory(dataDir);
  const { snapshots, damaged } = await listSnapshots(snapshotDirectory(dataDir));
  return { snapshots: snapshots.map(summaryOf), problems: damaged.map(({ error }) => error.message) };
}

/**
 * Writes the newest snapshot of a stopped node to one file that must not be there yet.
 * @throws StrobeError LOCKED, INVALID_CONFIG, NO_SNAPSHOT, INVALID_SNAPSHOT, VERSION_NOT_SUPPORTED, SNAPSHOT_FAILED
 */
export async function exportSnapshot(dataDir: string, output: string): Promise<SnapshotSummary> {
  await assertDirectory(dataDir);
  if (!(await isThere(snapshotDirectory(dataDir)))) throw noSnapshot(dataDir);
  if (await isThere(output)) throw configError([`${output} is there already and is not overwritten`]);
  return whileStopped(dataDir, async () => {
    const { snapshots, damaged } = await listSnapshots(snapshotDirectory(dataDir));
    const [newest] = snapshots;
    // An older one in place of the newest would be a surprise: the operator decides.
    const newer = damaged.find(({ path }) => newest === undefined || path > newest.path);
    if (newer !== undefined) throw newer.error;
    if (newest === undefined) throw noSnapshot(dataDir);
    await withSnapshotFile(newest.path, (file) => copySnapshot(file, output));
    return summaryOf({ ...newest, path: output });
  });
}

/**
 * Puts an exported snapshot into the data directory of a stopped or new node, which then begins with its block. All of
 * it is checked before anything is written. The chain database goes over to the block in one step at the end; a node
 * that starts after a crash in front of that removes the file, and makes the log itself (imported-log.ts).
 * @param genesis the genesis file of the chain
 * @throws StrobeError LOCKED, INVALID_CONFIG, INVALID_GENESIS, INVALID_SNAPSHOT, STATE_ROOT_MISMATCH, VERSION_NOT_SUPPORTED,
 *   GENESIS_MISMATCH, SNAPSHOT_NOT_NEWER, SNAPSHOT_OF_FORK, CHAIN_NOT_EMPTY, SNAPSHOT_FAILED
 */
export async function importSnapshot(dataDir: string, input: string, genesis: string): Promise<SnapshotSummary> {
  const chain = await loadGenesisChain(genesis);
  return withSnapshotFile(input, async (file) => {
    await assertTrustworthy(file, chain);
    await openDataFormat(dataDir, chain.identity.genesisHash, { version: VERSION });
    const put = async (store: SnapshotStore) => summaryOf(await store.take(file));
    return whileStopped(dataDir, (guard) => takeIn(file.manifest, { dataDir, guard, put, by: 'operator' }));
  });
}

/**
 * Checks every byte of a snapshot file; with a genesis file also signatures and the state root, as an import does.
 * @throws StrobeError INVALID_SNAPSHOT, STATE_ROOT_MISMATCH, VERSION_NOT_SUPPORTED, GENESIS_MISMATCH, SNAPSHOT_FAILED,
 *   INVALID_CONFIG, INVALID_GENESIS
 */
export async function verifySnapshot(path: string, genesis?: string): Promise<SnapshotSummary> {
  const chain = genesis === undefined ? undefined : await loadGenesisChain(genesis);
  return withSnapshotFile(path, async (file) => {
    if (chain !== undefined) await assertTrustworthy(file, chain);
    else for await (const _ of file.chunks());
    return summaryOf(file);
  });
}

function summaryOf({ path, bytes, manifest }: SnapshotEntry): SnapshotSummary {
  return {
    path,
    blockNumber: manifest.header.number,
    blockHash: toHex(manifest.blockHash),
    bytes,
    createdAt: new Date(manifest.createdAtMs).toISOString(),
  };
}

async function assertDirectory(dataDir: string): Promise<void> {
  if (!(await isThere(dataDir))) throw configError([`there is no data directory ${dataDir}`]);
}

function noSnapshot(dataDir: string): StrobeError<'NO_SNAPSHOT'> {
  return new StrobeError('NO_SNAPSHOT', `there is no snapshot in ${dataDir}`, { dataDir });
}

async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
