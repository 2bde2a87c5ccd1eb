import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { type LevelDatabase, openLevel } from '../store/level-database.ts';
import { errorMessage, isStrobeError, StrobeError } from '../util/errors.ts';

/** A folder with this file was made by us; no other folder is ever deleted or filled. */
export const DEVNET_MARKER = '.strobe-devnet';

/** A tiny database that is open as long as a devnet runs: its file lock keeps a second one out and dies with the process. */
const LOCK_FOLDER = '.lock';

const MARKER_TEXT = 'This folder belongs to `strobe devnet`, which deletes it when it is run with --fresh.\n';

/** Where everything of a devnet lies. */
export interface DevnetPaths {
  root: string;
  keys: string;
  passwordFile: string;
  genesis: string;
  da: string;
  /** Data and configuration of one process. */
  processFolder: (name: string) => string;
}

export function devnetPaths(dataDir: string): DevnetPaths {
  const root = resolve(dataDir);
  return {
    root,
    keys: join(root, 'keys'),
    passwordFile: join(root, 'keys', 'password'),
    genesis: join(root, 'genesis.json'),
    da: join(root, 'da'),
    processFolder: (name) => join(root, name),
  };
}

/**
 * Makes the folder, or takes over the one of an earlier run; `fresh` empties that first.
 * @returns the lock on the folder, to be closed when nothing runs there any more
 * @throws StrobeError DEVNET_FOLDER_FOREIGN when it holds anything and we did not make it, DEVNET_RUNNING,
 *   DEVNET_FOLDER_FAILED when it cannot be used
 */
export async function prepareDevnetFolder(dataDir: string, fresh: boolean): Promise<LevelDatabase> {
  const root = resolve(dataDir);
  try {
    return await takeFolder(root, fresh);
  } catch (cause) {
    if (isStrobeError(cause, 'LOCKED')) {
      const message = `a devnet runs in ${root} already: stop it, or choose another --data-dir`;
      throw new StrobeError('DEVNET_RUNNING', message, { root }, { cause });
    }
    if (isStrobeError(cause)) throw cause;
    throw new StrobeError('DEVNET_FOLDER_FAILED', `cannot use the folder ${root}: ${errorMessage(cause)}`, { root }, { cause });
  }
}

async function takeFolder(root: string, fresh: boolean): Promise<LevelDatabase> {
  const entries = (await entriesOf(root)) ?? [];
  if (entries.length > 0 && !(await isFile(join(root, DEVNET_MARKER)))) throw foreign(root, fresh);
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeFile(join(root, DEVNET_MARKER), MARKER_TEXT);
  const lock = await openLevel(join(root, LOCK_FOLDER));
  try {
    // The marker stays: a deletion that was broken off is taken up by the next start.
    const old = fresh ? entries.filter((name) => name !== DEVNET_MARKER && name !== LOCK_FOLDER) : [];
    for (const name of old) await rm(join(root, name), { recursive: true });
    return lock;
  } catch (error) {
    await lock.close();
    throw error;
  }
}

/** Undefined when there is no such folder. */
async function entriesOf(folder: string): Promise<string[] | undefined> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (entry) => entry.isFile(),
    () => false,
  );
}

function foreign(root: string, fresh: boolean): StrobeError<'DEVNET_FOLDER_FOREIGN'> {
  const what = fresh ? 'delete' : 'use';
  const message = `refusing to ${what} ${root}: it is not empty and not a devnet folder (no ${DEVNET_MARKER} in it); choose another --data-dir`;
  return new StrobeError('DEVNET_FOLDER_FOREIGN', message, { root });
}
