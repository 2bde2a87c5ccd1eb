import { createHash } from 'node:crypto';
import { open, readdir, readFile } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { recordSize, SEGMENT_HEADER_BYTES } from '../../src/store/log-format.ts';
import { RecordCursor } from '../../src/store/log-segment.ts';
import { segmentPaths } from './log-records.ts';

/** Where a record lies in a segment file. */
export interface RecordPlace {
  readonly path: string;
  readonly offset: number;
  /** With its header, bytes. */
  readonly length: number;
}

/** The records of a log that nobody writes, in order. */
export async function recordPlaces(dataDir: string): Promise<RecordPlace[]> {
  const places: RecordPlace[] = [];
  for (const path of segmentPaths(join(dataDir, 'log'))) {
    const file = await open(path, 'r');
    try {
      const { size } = await file.stat();
      const cursor = new RecordCursor(file, SEGMENT_HEADER_BYTES);
      for (let step = await cursor.next(size); step.kind === 'record'; step = await cursor.next(size)) {
        places.push({ path, offset: step.offset, length: recordSize(step.record) });
      }
    } finally {
      await file.close();
    }
  }
  return places;
}

/** Turns over one bit of a file; the second time it is as it was. */
export async function flipBit(path: string, byte: number, bit: number): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const buffer = new Uint8Array(1);
    await file.read(buffer, 0, 1, byte);
    buffer[0] = (buffer[0] as number) ^ (1 << bit);
    await file.write(buffer, 0, 1, byte);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** SHA-256 of every file below `folder` by its path there, but for those below the sub-folders `except`. */
export async function fingerprint(folder: string, except: readonly string[] = []): Promise<Map<string, string>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => relative(folder, join(entry.parentPath, entry.name)));
  const kept = files.filter((file) => !except.some((left) => file.startsWith(left + sep))).sort();
  const digests = kept.map(async (file): Promise<[string, string]> => {
    const contents = await readFile(join(folder, file));
    return [file, createHash('sha256').update(contents).digest('hex')];
  });
  return new Map(await Promise.all(digests));
}
