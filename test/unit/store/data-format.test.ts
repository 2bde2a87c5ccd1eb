import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DATA_FORMAT, DATA_FORMAT_FILE, openDataFormat } from '../../../src/store/data-format.ts';
import { TEST_GENESIS_HASH } from '../../support/log-records.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const HINTS = { role: 'replica', version: '9.8.7' };
const open = (directory: string, genesisHash = TEST_GENESIS_HASH) => openDataFormat(directory, genesisHash, HINTS);
const write = (directory: string, fields: unknown): void =>
  writeFileSync(join(directory, DATA_FORMAT_FILE), JSON.stringify(fields));

test('a new directory is made and marked, and opens again', async () => {
  const directory = join(tempDirectory(), 'deep', 'data');
  const made = await open(directory);
  expect(made).toEqual({ format: DATA_FORMAT, genesisHash: `0x${'07'.repeat(32)}`, role: 'replica', createdBy: '9.8.7' });
  expect(JSON.parse(readFileSync(join(directory, DATA_FORMAT_FILE), 'utf8'))).toEqual(made);
  expect(readdirSync(directory)).toEqual([DATA_FORMAT_FILE]);
  expect(await openDataFormat(directory, TEST_GENESIS_HASH, { version: '10.0.0' })).toEqual(made);
});

test('a directory with keys or a configuration in it counts as new', async () => {
  const directory = tempDirectory();
  writeFileSync(join(directory, 'genesis.json'), '{}');
  mkdirSync(join(directory, 'keys'));
  expect((await open(directory)).format).toBe(DATA_FORMAT);
});

test('another chain is refused and both are named', async () => {
  const directory = tempDirectory();
  await open(directory);
  await expect(open(directory, new Uint8Array(32))).rejects.toMatchObject({
    code: 'GENESIS_MISMATCH',
    meta: { found: `0x${'07'.repeat(32)}`, expected: `0x${'00'.repeat(32)}` },
  });
});

test.each(['log', 'chain', 'witnesses'])(
  'a directory of the first format, without the mark but with %s, is refused unchanged',
  async (name) => {
    const directory = tempDirectory();
    mkdirSync(join(directory, name));
    await expect(open(directory)).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
      message: expect.stringMatching(/format 1, this program knows 2.*--fresh/),
    });
    expect(readdirSync(directory)).toEqual([name]);
  },
);

test('an older mark is refused with a remedy', async () => {
  const directory = tempDirectory();
  write(directory, { format: 1, genesisHash: '0x' });
  await expect(open(directory)).rejects.toMatchObject({
    code: 'VERSION_NOT_SUPPORTED',
    message: expect.stringMatching(/sync anew/),
  });
});

test('a newer one is refused and names the program that made it, whatever else it says', async () => {
  const directory = tempDirectory();
  write(directory, { format: DATA_FORMAT + 1, createdBy: '12.0.0', genesis: 'moved elsewhere' });
  await expect(open(directory)).rejects.toMatchObject({
    code: 'VERSION_NOT_SUPPORTED',
    message: expect.stringContaining('newer program that made it (12.0.0)'),
    meta: { format: DATA_FORMAT + 1, known: DATA_FORMAT },
  });
});

test.each(['', 'null', '{"format":', '[]', '{"format":"2"}', '{"format":2}', '7'])(
  'a damaged mark is no new directory: %j',
  async (text) => {
    const directory = tempDirectory();
    writeFileSync(join(directory, DATA_FORMAT_FILE), text);
    await expect(open(directory)).rejects.toMatchObject({ code: 'DATA_FORMAT_DAMAGED' });
    expect(readFileSync(join(directory, DATA_FORMAT_FILE), 'utf8')).toBe(text);
  },
);

test('a data directory that there cannot be is named', async () => {
  const file = join(tempDirectory(), 'file');
  writeFileSync(file, '');
  for (const directory of [file, join(file, 'data')]) {
    await expect(open(directory)).rejects.toMatchObject({
      code: 'DATA_DIRECTORY_FAILED',
      message: expect.stringContaining(directory),
    });
  }
});
