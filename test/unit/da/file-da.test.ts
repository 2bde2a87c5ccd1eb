import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FileDataAvailability } from '../../../src/da/file-da.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const batch = (fill: number): Uint8Array => new Uint8Array(100).fill(fill);

test('batches are found by commitment and listed in block order, also by another process that looks later', async () => {
  const directory = tempDirectory();
  const poster = await FileDataAvailability.open({ directory });
  const reader = await FileDataAvailability.open({ directory });
  expect(await reader.list()).toEqual([]);
  await poster.post(11, 20, batch(2));
  await poster.post(1, 10, batch(1));
  expect(await poster.post(1, 10, batch(1))).toEqual({ firstBlock: 1, lastBlock: 10, commitment: keccak256(batch(1)) });
  expect((await reader.list()).map(({ firstBlock, lastBlock }) => [firstBlock, lastBlock])).toEqual([
    [1, 10],
    [11, 20],
  ]);
  expect(await reader.fetch(keccak256(batch(2)))).toEqual(batch(2));
  await poster.post(21, 30, batch(3));
  expect(await reader.fetch(keccak256(batch(3)))).toEqual(batch(3));
  await expect(reader.fetch(keccak256(batch(9)))).rejects.toMatchObject({ code: 'DA_BATCH_NOT_FOUND' });
});

test('a damaged file is no batch, a half-written one is not listed, and posting again heals', async () => {
  const directory = tempDirectory();
  const da = await FileDataAvailability.open({ directory });
  const { commitment } = await da.post(1, 1, batch(1));
  const [name] = readdirSync(directory);
  writeFileSync(join(directory, name as string), batch(2));
  await expect(da.fetch(commitment)).rejects.toMatchObject({ code: 'DA_BATCH_CORRUPT' });
  writeFileSync(join(directory, `${name}.partial`), batch(1));
  writeFileSync(join(directory, 'notes.txt'), 'x');
  expect(await da.list()).toHaveLength(1);
  await da.post(1, 1, batch(1));
  expect(await da.fetch(commitment)).toEqual(batch(1));
});

test('a folder that there cannot be is named', async () => {
  const directory = join(tempDirectory(), 'file');
  writeFileSync(directory, '');
  await expect(FileDataAvailability.open({ directory })).rejects.toMatchObject({
    code: 'DA_DIRECTORY_FAILED',
    message: expect.stringContaining(directory),
  });
});

test('a batch that is removed behind the last look is not found, and is when it is there again', async () => {
  const directory = tempDirectory();
  const da = await FileDataAvailability.open({ directory });
  const { commitment } = await da.post(1, 1, batch(1));
  await da.list();
  rmSync(join(directory, readdirSync(directory)[0] as string));
  await expect(da.fetch(commitment)).rejects.toMatchObject({ code: 'DA_BATCH_NOT_FOUND' });
  await da.post(1, 1, batch(1));
  expect(await da.fetch(commitment)).toEqual(batch(1));
});

test('a batch that cannot be posted leaves nothing behind', async () => {
  const directory = tempDirectory();
  const da = await FileDataAvailability.open({ directory });
  await da.post(1, 1, batch(1));
  const [name] = readdirSync(directory);
  rmSync(join(directory, name as string));
  mkdirSync(join(directory, name as string, 'in the way'), { recursive: true });
  await expect(da.post(1, 1, batch(1))).rejects.toMatchObject({ syscall: 'rename' });
  expect(readdirSync(directory)).toEqual([name]);
});
