import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, onTestFinished, test } from 'vitest';
import { SegmentLog } from '../../src/store/segment-log.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { miniBlockEntry, readAll, TEST_GENESIS_HASH } from '../support/log-records.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const WRITER = join(import.meta.dirname, '..', 'support', 'log-writer-process.ts');

const open = (directory: string) => SegmentLog.open({ directory, genesisHash: TEST_GENESIS_HASH, durability: 'sync' });

/** Starts a writer and resolves when it has acknowledged `count` records; `acknowledged` goes on counting. */
async function startWriter(directory: string, count: number): Promise<{ child: ChildProcess; acknowledged: () => number }> {
  const child = spawn(process.execPath, [WRITER, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  let acknowledged = 0;
  const reached = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    acknowledged = Number(line);
    if (acknowledged >= count) reached.resolve();
  });
  child.once('exit', (code) => reached.reject(new StrobeError('WRITER_ENDED', `the writer ended with ${code}`)));
  await reached.promise;
  return { child, acknowledged: () => acknowledged };
}

test('a second process is refused while the first one lives, and kill -9 leaves no lock and loses nothing acknowledged', async () => {
  const directory = tempDirectory();
  const { child, acknowledged } = await startWriter(directory, 200);
  await expect(open(directory)).rejects.toMatchObject({ code: 'LOCKED' });

  child.kill('SIGKILL');
  await once(child, 'close');
  const { log, recovery } = await open(directory);
  expect(recovery.cleanShutdown).toBe(false);
  expect(log.lastNumber()).toBeGreaterThanOrEqual(acknowledged());
  const records = await readAll(log);
  expect(records).toEqual(records.map((_, i) => miniBlockEntry(i + 1, 200 + ((i + 1) % 700))));
  await log.append([miniBlockEntry(log.lastNumber() + 1)]);
  await log.close();
});

test('a second log in the same process is refused too', async () => {
  const directory = tempDirectory();
  const { log } = await open(directory);
  await expect(open(directory)).rejects.toMatchObject({ code: 'LOCKED' });
  await log.close();
  const again = await open(directory);
  await again.log.close();
});
