import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DEVNET_MARKER, prepareDevnetFolder } from '../../../src/node/devnet-directory.ts';

let parent: string;
let folder: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'strobe-devnet-'));
  folder = join(parent, 'devnet');
});
afterEach(() => rmSync(parent, { recursive: true }));

/** A devnet that ran and ended. */
async function prepare(fresh: boolean): Promise<void> {
  const lock = await prepareDevnetFolder(folder, fresh);
  await lock.close();
}

const contents = () => readdirSync(folder).filter((name) => name !== '.lock');

test('makes the folder with its marker', async () => {
  await prepare(false);
  expect(contents()).toEqual([DEVNET_MARKER]);
});

test('an empty folder is taken over', async () => {
  mkdirSync(folder);
  await prepare(true);
  expect(existsSync(join(folder, DEVNET_MARKER))).toBe(true);
});

test('a second start keeps what is there, --fresh deletes it', async () => {
  await prepare(false);
  writeFileSync(join(folder, 'chain'), 'blocks');
  await prepare(false);
  expect(contents()).toContain('chain');
  await prepare(true);
  expect(contents()).toEqual([DEVNET_MARKER]);
});

test.each([true, false])('the folder of a devnet that runs is left alone (fresh: %s)', async (fresh) => {
  const running = await prepareDevnetFolder(folder, false);
  writeFileSync(join(folder, 'chain'), 'blocks');
  await expect(prepareDevnetFolder(folder, fresh)).rejects.toMatchObject({
    code: 'DEVNET_RUNNING',
    message: expect.stringContaining(folder),
  });
  expect(contents()).toContain('chain');
  await running.close();
  await prepare(fresh);
});

test('a folder that cannot be made is named', async () => {
  writeFileSync(folder, 'a file');
  await expect(prepareDevnetFolder(join(folder, 'devnet'), false)).rejects.toMatchObject({
    code: 'DEVNET_FOLDER_FAILED',
    message: expect.stringContaining(folder),
  });
});

test.each([true, false])('a folder of somebody else is neither deleted nor used (fresh: %s)', async (fresh) => {
  mkdirSync(folder);
  writeFileSync(join(folder, 'thesis.tex'), 'years of work');
  await expect(prepareDevnetFolder(folder, fresh)).rejects.toMatchObject({
    code: 'DEVNET_FOLDER_FOREIGN',
    message: expect.stringContaining(folder),
  });
  expect(readdirSync(folder)).toEqual(['thesis.tex']);
});

test('a folder called like the marker does not count as one', async () => {
  mkdirSync(join(folder, DEVNET_MARKER), { recursive: true });
  await expect(prepareDevnetFolder(folder, true)).rejects.toMatchObject({ code: 'DEVNET_FOLDER_FOREIGN' });
});
