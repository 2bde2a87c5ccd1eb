import { mkdir, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { StrobeError } from '../util/errors.ts';

/** A folder with this file was made by us; no other folder is ever deleted or filled. */
export const DEVNET_MARKER = '.strobe-devnet';

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
 * @throws StrobeError DEVNET_FOLDER_FOREIGN when it holds anything and we did not make it
 */
export async function prepareDevnetFolder(dataDir: string, fresh: boolean): Promise<void> {
  const root = resolve(dataDir);
  const entries = await entriesOf(root);
  if (entries !== undefined && entries.length > 0) {
    if (!(await isFile(join(root, DEVNET_MARKER)))) throw foreign(root, fresh);
    if (!fresh) return;
    await rm(root, { recursive: true });
  }
  await mkdir(root, { recursive: true, mode: 0o700 });
  await writeFile(join(root, DEVNET_MARKER), MARKER_TEXT);
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
