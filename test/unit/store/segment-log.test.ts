import { readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type LogDisk, nodeDisk } from '../../../src/store/log-disk.ts';
import { LogGuard } from '../../../src/store/log-guard.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import { miniBlockEntry, readAll, sealEntry, segmentPaths, TEST_GENESIS_HASH } from '../../support/log-records.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const open = (directory: string, overrides: Partial<Parameters<typeof SegmentLog.open>[0]> = {}) =>
  SegmentLog.open({ directory, genesisHash: TEST_GENESIS_HASH, durability: 'sync', segmentBytes: 400, ...overrides });

/** A closed log of mini-blocks 1..count over several segments. */
async function writtenLog(count: number): Promise<string> {
  const directory = tempDirectory();
  const { log } = await open(directory);
  for (let number = 1; number <= count; number++) await log.append([miniBlockEntry(number)]);
  await log.close();
  return directory;
}

/** What an open says that is followed by a clean close. */
async function reopened(directory: string): Promise<Pick<SegmentLog, 'unsettled'>> {
  const { log } = await open(directory);
  const { unsettled } = log;
  await log.close();
  return { unsettled };
}

function flipByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] as number) ^ 0x10;
  writeFileSync(path, bytes);
}

describe('append and read', () => {
  test('records come back in order from any number, over segments and after a reopen', async () => {
    const directory = await writtenLog(50);
    expect(segmentPaths(directory).length).toBeGreaterThan(3);
    const { log, recovery } = await open(directory);
    expect(recovery).toEqual({ truncatedBytes: 0, cleanShutdown: true });
    expect(log.lastNumber()).toBe(50);
    for (const from of [0, 1, 2, 17, 49, 50, 51]) {
      const expected = Array.from({ length: 50 }, (_, i) => miniBlockEntry(i + 1)).filter(({ number }) => number >= from);
      expect(await readAll(log, from)).toEqual(expected);
    }
    await log.close();
  });

  test('seals stand behind their mini-block and are no mini-blocks', async () => {
    const { log } = await open(tempDirectory());
    await log.append([sealEntry(0), miniBlockEntry(1), sealEntry(1)]);
    expect(log.lastNumber()).toBe(1);
    expect(await readAll(log, 1)).toEqual([miniBlockEntry(1), sealEntry(1)]);
    await log.close();
  });

  test('concurrent appends share a sync and keep their order', async () => {
    let syncs = 0;
    const disk: LogDisk = {
      write: nodeDisk.write,
      sync: (file) => {
        syncs++;
        return nodeDisk.sync(file);
      },
    };
    const options = { directory: tempDirectory(), genesisHash: TEST_GENESIS_HASH, durability: 'sync' as const };
    const { log } = await SegmentLog.open(options, { disk });
    await log.append([miniBlockEntry(1)]);
    syncs = 0;
    await Promise.all(Array.from({ length: 100 }, (_, i) => log.append([miniBlockEntry(i + 2)])));
    expect(syncs).toBe(1);
    expect((await readAll(log)).map(({ number }) => number)).toEqual(Array.from({ length: 101 }, (_, i) => i + 1));
    await log.close();
  });

  test('a reader follows records that become durable while it reads', async () => {
    const { log } = await open(tempDirectory());
    await log.append([miniBlockEntry(1)]);
    const seen: number[] = [];
    for await (const { number } of log.read(0)) {
      seen.push(number);
      if (number < 40) await log.append([miniBlockEntry(number + 1)]);
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, i) => i + 1));
    await log.close();
  });

  test('records larger than a read chunk are read whole', async () => {
    const { log } = await open(tempDirectory(), { segmentBytes: 10_000_000 });
    const entries = [miniBlockEntry(1, 700_000), miniBlockEntry(2, 3), miniBlockEntry(3, 1_900_000), miniBlockEntry(4, 5)];
    await log.append(entries);
    expect(await readAll(log, 2)).toEqual(entries.slice(1));
    await log.close();
  });

  test('records that do not continue the log are refused and the log goes on', async () => {
    const { log } = await open(tempDirectory());
    await log.append([miniBlockEntry(5)]);
    await expect(log.append([miniBlockEntry(7)])).rejects.toMatchObject({ code: 'LOG_OUT_OF_ORDER' });
    await expect(log.append([miniBlockEntry(6), sealEntry(5)])).rejects.toMatchObject({ code: 'LOG_OUT_OF_ORDER' });
    await log.append([miniBlockEntry(6)]);
    expect((await readAll(log, 5)).map(({ number }) => number)).toEqual([5, 6]);
    await log.close();
  });

  test('a full queue refuses instead of growing', async () => {
    const { log } = await open(tempDirectory(), { maxQueuedBytes: 100 });
    const first = log.append([miniBlockEntry(1)]);
    const second = log.append([miniBlockEntry(2)]);
    await expect(log.append([miniBlockEntry(3)])).rejects.toMatchObject({ code: 'LOG_QUEUE_FULL' });
    await Promise.all([first, second]);
    await log.append([miniBlockEntry(3)]);
    await log.close();
  });

  test('a closed log refuses', async () => {
    const { log } = await open(tempDirectory());
    await log.close();
    await log.close();
    await expect(log.append([miniBlockEntry(1)])).rejects.toMatchObject({ code: 'LOG_CLOSED' });
  });
});

describe('truncateAfter', () => {
  test.each([0, 1, 13, 24, 25])(
    'keeps records up to number %i, now and after a reopen, and goes on behind them',
    async (keep) => {
      const directory = await writtenLog(25);
      let { log } = await open(directory);
      await log.append([sealEntry(25)]);
      const truncated = log.truncateAfter(keep);
      const appended = log.append([miniBlockEntry(keep + 1, 33)]);
      await Promise.all([truncated, appended]);
      const expected = Array.from({ length: keep }, (_, i) => miniBlockEntry(i + 1));
      if (keep === 25) expected.push(sealEntry(25));
      expected.push(miniBlockEntry(keep + 1, 33));
      expect(await readAll(log)).toEqual(expected);
      expect(log.lastNumber()).toBe(keep + 1);
      await log.close();
      ({ log } = await open(directory));
      expect(await readAll(log)).toEqual(expected);
      await log.close();
    },
  );

  test('a reader on its way is told', async () => {
    const directory = await writtenLog(25);
    const { log } = await open(directory);
    const reader = log.read(1)[Symbol.asyncIterator]();
    await reader.next();
    await log.truncateAfter(3);
    await expect(reader.next()).rejects.toMatchObject({ code: 'LOG_CHANGED' });
    await log.close();
  });
});

describe('recovery', () => {
  test('a torn tail is cut and reported, and the shutdown counts as unclean', async () => {
    const directory = await writtenLog(25);
    const last = segmentPaths(directory).at(-1) as string;
    truncateSync(last, statSync(last).size - 5);
    const { log, recovery } = await open(directory);
    expect(recovery.cleanShutdown).toBe(false);
    expect(recovery.truncatedBytes).toBeGreaterThan(0);
    expect(log.lastNumber()).toBe(24);
    await log.append([miniBlockEntry(25)]);
    expect(await readAll(log, 24)).toEqual([miniBlockEntry(24), miniBlockEntry(25)]);
    await log.close();
  });

  test('a cut is remembered over clean closes until somebody has dealt with it', async () => {
    const directory = await writtenLog(25);
    expect((await reopened(directory)).unsettled).toBeUndefined();
    const last = segmentPaths(directory).at(-1) as string;
    truncateSync(last, statSync(last).size - 5);
    expect((await reopened(directory)).unsettled).toBe('cut');
    // As a start that was refused for another reason left it.
    expect((await reopened(directory)).unsettled).toBe('cut');
    const { log } = await open(directory);
    await log.settle();
    expect(log.unsettled).toBeUndefined();
    await log.close();
    expect((await reopened(directory)).unsettled).toBeUndefined();
  });

  test('an unclean stop is remembered in the same way, and a cut outranks it', async () => {
    const directory = await writtenLog(25);
    rmSync(join(directory, 'guard'), { recursive: true });
    expect((await reopened(directory)).unsettled).toBe('unclean');
    expect((await reopened(directory)).unsettled).toBe('unclean');
    const last = segmentPaths(directory).at(-1) as string;
    truncateSync(last, statSync(last).size - 38);
    expect((await reopened(directory)).unsettled).toBe('cut');
  });

  test.each([
    ['synced', 'sync', 'unclean'],
    ['did not sync', 'os', 'cut'],
  ] as const)(
    'what a process that %s its records may have lost counts, however the next one writes',
    async (_, durability, expected) => {
      const directory = await writtenLog(25);
      const killed = await LogGuard.acquire(directory);
      await killed.beginWriting(durability);
      await killed.release(undefined);
      expect((await reopened(directory)).unsettled).toBe(expected);
    },
  );

  test('a log that begins behind an import outranks both', async () => {
    const directory = await writtenLog(25);
    const guard = await LogGuard.acquire(directory);
    for (const what of ['unclean', 'imported', 'cut', 'unclean'] as const) await guard.note(what);
    await guard.release(undefined);
    expect((await reopened(directory)).unsettled).toBe('imported');
  });

  test('a clean shutdown notices a tail that is gone at a record boundary', async () => {
    const directory = await writtenLog(25);
    const last = segmentPaths(directory).at(-1) as string;
    truncateSync(last, statSync(last).size - (18 + 20));
    const { log, recovery } = await open(directory);
    expect(recovery).toEqual({ truncatedBytes: 38, cleanShutdown: false });
    await log.close();
  });

  test.each(['first', 'last'])(
    'damage in the middle of the %s segment refuses to start and names file, offset and remedy',
    async (which) => {
      const directory = await writtenLog(27);
      const path = segmentPaths(directory).at(which === 'first' ? 0 : -1) as string;
      flipByte(path, 48 + 18 + 3);
      await expect(open(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT', meta: { file: path, offset: 48 } });
      // The refused open let go of the lock.
      await expect(open(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
    },
  );

  test('damage to a length field in the middle is no torn tail either', async () => {
    const directory = await writtenLog(27);
    const path = segmentPaths(directory).at(-1) as string;
    flipByte(path, 48 + 1);
    await expect(open(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT', meta: { offset: 48 } });
  });

  test('a group that was never synced is cut whole though its later records are intact', async () => {
    const directory = tempDirectory();
    const written = await open(directory, { segmentBytes: 10_000 });
    await written.log.append([miniBlockEntry(1)]);
    await written.log.append([miniBlockEntry(2), miniBlockEntry(3), miniBlockEntry(4)]);
    await written.log.close();
    const path = segmentPaths(directory)[0] as string;
    flipByte(path, 48 + 38 + 25);
    // Closed cleanly, so all of it was synced: this is damage.
    await expect(open(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT', meta: { offset: 48 + 38 } });
    // As a killed process leaves it: without the mark of a clean shutdown.
    rmSync(join(directory, 'guard'), { recursive: true });
    const { log, recovery } = await open(directory, { segmentBytes: 10_000 });
    expect(recovery).toEqual({ truncatedBytes: 3 * 38, cleanShutdown: false });
    expect(log.lastNumber()).toBe(1);
    await log.close();
  });

  test('a missing segment in the middle refuses to start', async () => {
    const directory = await writtenLog(50);
    rmSync(segmentPaths(directory)[1] as string);
    await expect(open(directory)).rejects.toMatchObject({ code: 'LOG_CORRUPT' });
  });

  test('a segment whose header was never written is dropped', async () => {
    const directory = await writtenLog(25);
    writeFileSync(`${directory}/000000000000026.log`, new Uint8Array(10));
    const { log, recovery } = await open(directory);
    expect(recovery.truncatedBytes).toBe(10);
    await log.append([miniBlockEntry(26)]);
    expect(log.lastNumber()).toBe(26);
    await log.close();
  });

  test('a newer format and another chain are refused by name', async () => {
    const directory = await writtenLog(3);
    await expect(open(directory, { genesisHash: new Uint8Array(32) })).rejects.toMatchObject({ code: 'GENESIS_MISMATCH' });
    const path = segmentPaths(directory)[0] as string;
    const bytes = readFileSync(path);
    bytes.writeUInt32LE(2, 8);
    writeFileSync(path, bytes);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
      message: expect.stringContaining('format version 2, this program knows 1'),
    });
  });
});
