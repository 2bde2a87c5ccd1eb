import { expect, test } from 'vitest';
import { type LogDisk, nodeDisk } from '../../src/store/log-disk.ts';
import { SegmentLog } from '../../src/store/segment-log.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { miniBlockEntry, readAll, TEST_GENESIS_HASH } from '../support/log-records.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const open = (directory: string, disk: LogDisk = nodeDisk) =>
  SegmentLog.open({ directory, genesisHash: TEST_GENESIS_HASH, durability: 'sync' }, { disk });

/** A disk whose `operation` fails from the moment `broken` is set. */
function breakableDisk(operation: 'write' | 'sync'): LogDisk & { broken: boolean } {
  const disk = {
    broken: false,
    write: async (...parameters: Parameters<LogDisk['write']>) => {
      const [file, bytes, position] = parameters;
      // A full disk takes a part of what it is given.
      const taken = disk.broken && operation === 'write' ? bytes.subarray(0, bytes.length / 2) : bytes;
      await nodeDisk.write(file, taken, position);
      if (taken !== bytes) throw new StrobeError('ENOSPC', 'no space left on device');
    },
    sync: async (...parameters: Parameters<LogDisk['sync']>) => {
      if (disk.broken && operation === 'sync') throw new StrobeError('EIO', 'input/output error');
      await nodeDisk.sync(...parameters);
    },
  };
  return disk;
}

test.each(['write', 'sync'] as const)(
  'after a failed %s nothing is acknowledged any more, and a restart has all that was',
  async (operation) => {
    const directory = tempDirectory();
    const disk = breakableDisk(operation);
    const { log } = await open(directory, disk);
    await log.append([miniBlockEntry(1)]);
    disk.broken = true;
    const failing = [log.append([miniBlockEntry(2)]), log.append([miniBlockEntry(3)])];
    const outcomes = await Promise.allSettled(failing);
    expect(outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code)).toEqual(['LOG_FAILED', 'LOG_FAILED']);

    disk.broken = false;
    await expect(log.append([miniBlockEntry(2)])).rejects.toMatchObject({ code: 'LOG_FAILED' });
    expect(log.lastNumber()).toBe(1);
    expect(await readAll(log)).toEqual([miniBlockEntry(1)]);
    await log.close();

    const reopened = await open(directory);
    expect(reopened.recovery.cleanShutdown).toBe(false);
    expect((await readAll(reopened.log))[0]).toEqual(miniBlockEntry(1));
    await reopened.log.close();
  },
);
