import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Bytes } from './bytes.ts';

/** Writes a file so that after a crash or power failure it is there whole or not at all. */
export async function writeDurably(path: string, bytes: Bytes): Promise<void> {
  const partial = `${path}.partial`;
  const file = await open(partial, 'w');
  try {
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, path);
  await syncDirectory(dirname(path));
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
