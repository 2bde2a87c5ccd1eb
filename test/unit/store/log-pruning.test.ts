import { rmSync, statSync } from 'node:fs';
import { mkdir, rename } from 'node:fs/promises';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import type { LogEntry } from '../../../src/protocol/ports/log.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import { miniBlockEntry, readAll, sealEntry, segmentPaths, TEST_GENESIS_HASH } from '../../support/log-records.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

// Ten records of 38 bytes fill a segment of 400 bytes with its header: segments begin at 1, 11, 21, …
const open = (directory: string) =>
  SegmentLog.open({ directory, genesisHash: TEST_GENESIS_HASH, durability: 'sync', segmentBytes: 400 });

const numbers = (entries: readonly LogEntry[]): number[] => entries.map(({ number }) => number);
const upFrom = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, i) => first + i);
const firstNumbers = (directory: string): number[] => segmentPaths(directory).map((path) => Number.parseInt(basename(path), 10));

/** An open log of mini-blocks 1..count over several segments. */
async function writtenLog(count: number): Promise<{ log: SegmentLog; directory: string }> {
  const directory = tempDirectory();
  const { log } = await open(directory);
  for (let number = 1; number <= count; number++) await log.append([miniBlockEntry(number)]);
  return { log, directory };
}

test('whole segments below a number go, and the newest never', async () => {
  const { log, directory } = await writtenLog(45);
  expect(firstNumbers(directory)).toEqual([1, 11, 21, 31, 41]);
  expect(log.firstNumber()).toBe(1);
  await log.prune(10);
  await log.prune(20);
  expect(firstNumbers(directory)).toEqual([11, 21, 31, 41]);
  await log.prune(21);
  expect(firstNumbers(directory)).toEqual([21, 31, 41]);
  expect(log.firstNumber()).toBe(21);
  expect(log.bytes).toBe(segmentPaths(directory).reduce((sum, path) => sum + statSync(path).size, 0));
  await log.prune(1_000_000);
  expect(firstNumbers(directory)).toEqual([41]);
  await log.append([miniBlockEntry(46)]);
  expect(numbers(await readAll(log, 41))).toEqual(upFrom(41, 46));
  await log.close();
});

test('records in front of mini-block 1 are no reason to call a log pruned', async () => {
  const directory = tempDirectory();
  const { log } = await open(directory);
  await log.append([sealEntry(0, 500)]);
  await log.append([miniBlockEntry(1)]);
  expect(firstNumbers(directory)).toEqual([0, 1]);
  await log.prune(1);
  expect(numbers(await readAll(log))).toEqual([0, 1]);
  await log.close();
});

test('reading below the first number is refused and names it, now and after a reopen', async () => {
  const { log: written, directory } = await writtenLog(45);
  await written.prune(25);
  await expect(readAll(written, 20)).rejects.toMatchObject({ code: 'LOG_PRUNED', meta: { from: 20, first: 21 } });
  await written.close();
  const { log, recovery } = await open(directory);
  expect(recovery).toEqual({ truncatedBytes: 0, cleanShutdown: true });
  expect(log.lastNumber()).toBe(45);
  for (const from of [0, 1, 20]) {
    await expect(readAll(log, from)).rejects.toMatchObject({ code: 'LOG_PRUNED', meta: { from, first: 21 } });
  }
  expect(numbers(await readAll(log, 21))).toEqual(upFrom(21, 45));
  expect(numbers(await readAll(log, 46))).toEqual([]);
  await log.close();
});

test('a reader inside of a segment that goes reads it to its end and is told that the next one is gone', async () => {
  const { log } = await writtenLog(45);
  const reader = log.read(1)[Symbol.asyncIterator]();
  const seen = [(await reader.next()).value?.number];
  await log.prune(31);
  for (let i = 2; i <= 10; i++) seen.push((await reader.next()).value?.number);
  expect(seen).toEqual(upFrom(1, 10));
  await expect(reader.next()).rejects.toMatchObject({ code: 'LOG_PRUNED', meta: { from: 11, first: 31 } });
  await log.close();
});

test('a reader in front of what stays goes on without noticing', async () => {
  const { log } = await writtenLog(45);
  const reader = log.read(5)[Symbol.asyncIterator]();
  const seen = [(await reader.next()).value?.number];
  await log.prune(11);
  for (let next = await reader.next(); next.done !== true; next = await reader.next()) seen.push(next.value.number);
  expect(seen).toEqual(upFrom(5, 45));
  await log.close();
});

test('a crash between two removals leaves a log that opens, and the rest goes next time', async () => {
  const { log: written, directory } = await writtenLog(45);
  await written.close();
  // What the disk holds when the process died behind the second removal of four.
  for (const path of segmentPaths(directory).slice(0, 2)) rmSync(path);
  const { log, recovery } = await open(directory);
  expect(recovery.cleanShutdown).toBe(true);
  expect(log.firstNumber()).toBe(21);
  await log.prune(41);
  expect(numbers(await readAll(log, 41))).toEqual(upFrom(41, 45));
  await log.close();
});

test('a segment that cannot be removed stays readable, and no newer one goes before it', async () => {
  const { log, directory } = await writtenLog(45);
  const oldest = segmentPaths(directory)[0] as string;
  // A directory in the file's place: unlink fails.
  await rename(oldest, `${oldest}.away`);
  await mkdir(oldest);
  await expect(log.prune(31)).rejects.toMatchObject({ code: 'LOG_PRUNE_FAILED' });
  expect(log.firstNumber()).toBe(1);
  expect(firstNumbers(directory)).toEqual([1, 11, 21, 31, 41]);
  rmSync(oldest, { recursive: true });
  await rename(`${oldest}.away`, oldest);
  expect(numbers(await readAll(log))).toEqual(upFrom(1, 45));
  await log.prune(31);
  expect(log.firstNumber()).toBe(31);
  await log.close();
});

test('appends go on while segments are removed', async () => {
  const { log } = await writtenLog(200);
  const pruned = log.prune(191);
  await Promise.all(Array.from({ length: 20 }, (_, i) => log.append([miniBlockEntry(201 + i)])));
  await pruned;
  expect(log.firstNumber()).toBe(191);
  expect(numbers(await readAll(log, 191))).toEqual(upFrom(191, 220));
  await log.close();
});

test('a log that is truncated below what was pruned is empty and begins anew', async () => {
  const { log, directory } = await writtenLog(45);
  await log.prune(21);
  await log.truncateAfter(15);
  expect(log.lastNumber()).toBe(0);
  expect(log.firstNumber()).toBeUndefined();
  expect(segmentPaths(directory)).toEqual([]);
  await log.append([miniBlockEntry(16)]);
  expect(numbers(await readAll(log, 16))).toEqual([16]);
  await log.close();
});

test('a truncation asked for while segments are removed waits for its turn', async () => {
  const { log, directory } = await writtenLog(45);
  await Promise.all([log.prune(31), log.truncateAfter(35)]);
  expect(firstNumbers(directory)).toEqual([31]);
  expect(numbers(await readAll(log, 31))).toEqual(upFrom(31, 35));
  expect(log.lastNumber()).toBe(35);
  await log.close();
});

test('a closed log prunes nothing', async () => {
  const { log, directory } = await writtenLog(45);
  const pruning = log.prune(21);
  await log.close();
  await pruning.catch((error) => expect(error).toMatchObject({ code: 'LOG_CLOSED' }));
  const left = firstNumbers(directory);
  await expect(log.prune(41)).rejects.toMatchObject({ code: 'LOG_CLOSED' });
  expect(firstNumbers(directory)).toEqual(left);
});
