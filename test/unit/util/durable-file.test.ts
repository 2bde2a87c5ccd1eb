import { existsSync, readFileSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test, vi } from 'vitest';
import { fromText } from '../../../src/util/bytes.ts';
import { createDurably, writeDurably } from '../../../src/util/durable-file.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

/** What all open files have in common. */
async function handles(): Promise<FileHandle> {
  const handle = await open(import.meta.filename);
  await handle.close();
  onTestFinished(() => void vi.restoreAllMocks());
  return Object.getPrototypeOf(handle) as FileHandle;
}

test('of writes that meet the last one stays, whatever becomes of the others', async () => {
  const path = join(tempDirectory(), 'verdicts.json');
  const texts = Array.from({ length: 20 }, (_, i) => String(i).repeat(10_000 - 400 * i));
  await Promise.all(texts.map((text) => writeDurably(path, fromText(text))));
  expect(readFileSync(path, 'utf8')).toBe(texts.at(-1));
  vi.spyOn(await handles(), 'sync').mockRejectedValueOnce(new Error('EIO'));
  const [first, second] = await Promise.allSettled(['first', 'second'].map((text) => writeDurably(path, fromText(text))));
  expect([first?.status, second?.status]).toEqual(['rejected', 'fulfilled']);
  expect(readFileSync(path, 'utf8')).toBe('second');
});

test('a created file and its name are synced before anybody hears of it', async () => {
  const sync = vi.spyOn(await handles(), 'sync');
  const path = join(tempDirectory(), 'key');
  await createDurably(path, fromText('secret'), 0o600);
  expect(sync).toHaveBeenCalledTimes(2);
  expect(readFileSync(path, 'utf8')).toBe('secret');
  expect(statSync(path).mode & 0o777).toBe(0o600);
  await expect(createDurably(path, fromText('other'), 0o600)).rejects.toMatchObject({ code: 'EEXIST' });
  expect(readFileSync(path, 'utf8')).toBe('secret');
});

test('a file that could not be written whole is gone, so that it may be tried again', async () => {
  vi.spyOn(await handles(), 'sync').mockRejectedValueOnce(new Error('ENOSPC'));
  const path = join(tempDirectory(), 'key');
  await expect(createDurably(path, fromText('secret'), 0o600)).rejects.toThrow('ENOSPC');
  expect(existsSync(path)).toBe(false);
  await createDurably(path, fromText('secret'), 0o600);
});
