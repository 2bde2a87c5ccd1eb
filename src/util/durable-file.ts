import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Bytes } from './bytes.ts';

/** The last write of each path that is under way; never rejects. */
const underWay = new Map<string, Promise<void>>();

/**
 * Writes a file so that after a crash or power failure it is there whole or not at all. Writes of one path are done one
 * after the other, in the order of the calls: the last one stays. What could not be written does not stay: on a full disk
 * it would hold the rest of the room, and one of another name never comes to be overwritten.
 */
export async function writeDurably(path: string, bytes: Bytes): Promise<void> {
  const write = (underWay.get(path) ?? Promise.resolve()).then(() => replace(path, bytes));
  const end = write.catch(() => undefined);
  underWay.set(path, end);
  try {
    await write;
  } finally {
    if (underWay.get(path) === end) underWay.delete(path);
  }
}

async function replace(path: string, bytes: Bytes): Promise<void> {
  const partial = `${path}.partial`;
  try {
    await writeSynced(await open(partial, 'w'), bytes);
    await rename(partial, path);
  } catch (error) {
    await rm(partial, { force: true }).catch(() => undefined);
    throw error;
  }
  await syncDirectory(dirname(path));
}

/** Writes a file that must not be there yet; when this resolves it outlasts a power failure. @throws EEXIST and other system errors */
export async function createDurably(path: string, bytes: Bytes, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode);
  try {
    await writeSynced(file, bytes);
    await syncDirectory(dirname(path));
  } catch (error) {
    // Half a file would keep the next attempt out.
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

async function writeSynced(file: FileHandle, bytes: Bytes): Promise<void> {
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
