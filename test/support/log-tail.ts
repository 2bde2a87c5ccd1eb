import { open, readdir, stat, truncate } from 'node:fs/promises';
import { join } from 'node:path';
import { decodeLogRecord, type LogRecord } from '../../src/protocol/log-record.ts';
import { RECORD_HEADER_BYTES, SEGMENT_HEADER_BYTES } from '../../src/store/log-format.ts';
import { firstNumberOf, RecordCursor } from '../../src/store/log-segment.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { defined } from './defined.ts';

/** A record of a log segment and where it begins. */
export interface TailRecord {
  readonly offset: number;
  readonly number: number;
  readonly record: LogRecord;
}

async function newestSegment(dataDir: string): Promise<string> {
  const folder = join(dataDir, 'log');
  const names = (await readdir(folder)).filter((name) => firstNumberOf(name) !== undefined).sort();
  return join(folder, defined(names.at(-1)));
}

/** The records of the newest segment of a log that nobody writes. */
async function readTail(dataDir: string): Promise<TailRecord[]> {
  const path = await newestSegment(dataDir);
  const { size } = await stat(path);
  const file = await open(path, 'r');
  try {
    const cursor = new RecordCursor(file, SEGMENT_HEADER_BYTES);
    const records: TailRecord[] = [];
    for (;;) {
      const step = await cursor.next(size);
      // A kill may have torn the last write itself.
      if (step.kind !== 'record') return records;
      const { number, bytes } = step.record;
      records.push({ offset: step.offset, number, record: decodeLogRecord(new Uint8Array(bytes)) });
    }
  } finally {
    await file.close();
  }
}

/** Cuts the log in the middle of the first of its last `lost` records: that one is torn, those behind it are gone. */
export async function tearTail(
  dataDir: string,
  lost: number,
): Promise<{ readonly kept: readonly TailRecord[]; readonly lost: readonly TailRecord[] }> {
  const records = await readTail(dataDir);
  const torn = records.at(-lost);
  if (torn === undefined) throw new StrobeError('LOG_TOO_SHORT', `the log has ${records.length} records`);
  await truncate(await newestSegment(dataDir), torn.offset + RECORD_HEADER_BYTES + 1);
  return { kept: records.slice(0, -lost), lost: records.slice(-lost) };
}
