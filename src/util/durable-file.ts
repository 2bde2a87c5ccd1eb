import { open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Bytes } from './bytes.ts';

/**
 * Writes a file so that after a crash or power failure it is there whole or not at all. What could not be written does
 * not stay: on a full disk it would hold the rest of the room, and one of another name never comes to be overwritten.
 */
export async function writeDurably(path: string, bytes: Bytes): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await writeSynced(partial, bytes);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeSynced(path: string, bytes: Bytes): Promise<void> {
  const file = await open(path, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Makes created, renamed and removed names of a directory durable. */
export async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
