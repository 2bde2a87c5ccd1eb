import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { LogEntry, MiniBlockLog } from '../../src/protocol/ports/log.ts';

/** Chain identity of logs that hold made-up records. */
export const TEST_GENESIS_HASH = new Uint8Array(32).fill(7);

/** A record that the log takes for mini-block `number`. */
export function miniBlockEntry(number: number, size = 20): LogEntry {
  const bytes = new Uint8Array(size).fill(number & 0xff);
  bytes[0] = 1;
  return { number, bytes };
}

/** A record that the log takes for the seal behind mini-block `number`. */
export function sealEntry(number: number, size = 20): LogEntry {
  const bytes = new Uint8Array(size).fill(number & 0xff);
  bytes[0] = 3;
  return { number, bytes };
}

export async function readAll(log: MiniBlockLog, from = 0): Promise<LogEntry[]> {
  const entries: LogEntry[] = [];
  for await (const entry of log.read(from)) entries.push(entry);
  return entries;
}

/** Paths of a log's segments in order. */
export function segmentPaths(directory: string): string[] {
  return readdirSync(directory)
    .filter((name) => name.endsWith('.log'))
    .sort()
    .map((name) => join(directory, name));
}
