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

test('makes the folder with its marker', async () => {
  await prepareDevnetFolder(folder, false);
  expect(readdirSync(folder)).toEqual([DEVNET_MARKER]);
});

test('an empty folder is taken over', async () => {
  mkdirSync(folder);
  await prepareDevnetFolder(folder, true);
  expect(existsSync(join(folder, DEVNET_MARKER))).toBe(true);
});

test('a second start keeps what is there, --fresh deletes it', async () => {
  await prepareDevnetFolder(folder, false);
  writeFileSync(join(folder, 'chain'), 'blocks');
  await prepareDevnetFolder(folder, false);
  expect(readdirSync(folder)).toContain('chain');
  await prepareDevnetFolder(folder, true);
  expect(readdirSync(folder)).toEqual([DEVNET_MARKER]);
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
