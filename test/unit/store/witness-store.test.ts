import { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type LogDisk, nodeDisk } from '../../../src/store/log-disk.ts';
import { WitnessStore } from '../../../src/store/witness-store.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const witness = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);
const LARGE = 1_000_000;
/** A segment's header, and what a record adds to its witness. */
const HEADER = 16;
const RECORD = 19;
/** Every segment is full with its first record. */
const ONE_EACH = 3 * (HEADER + RECORD + 96);

const open = (directory: string, maxBytes = LARGE): Promise<WitnessStore> => WitnessStore.open({ directory, maxBytes });
const onlyFile = (directory: string): string => join(directory, readdirSync(directory)[0] as string);

function flipByte(path: string, offset: number): void {
  const bytes = readFileSync(path);
  bytes[offset] = (bytes[offset] as number) ^ 0x10;
  writeFileSync(path, bytes);
}

/** A store of blocks 1 to 5, 100 bytes each, in one file. */
async function fiveWitnesses(): Promise<{ directory: string; path: string }> {
  const directory = tempDirectory();
  const store = await open(directory);
  for (const number of [1, 2, 3, 4, 5]) await store.put(number, witness(100, number));
  return { directory, path: onlyFile(directory) };
}

async function readable(store: WitnessStore, numbers: readonly number[]): Promise<number[]> {
  const found: number[] = [];
  for (const number of numbers) {
    const read = await store.read(number);
    if (read === undefined) continue;
    expect(read).toEqual(witness(100, number));
    found.push(number);
  }
  return found;
}

describe('WitnessStore', () => {
  it('keeps witnesses over a restart and answers undefined for the others', async () => {
    const directory = join(tempDirectory(), 'witnesses');
    const store = await open(directory);
    await store.put(7, witness(300, 7));
    await store.put(8, witness(0));
    await store.put(9, witness(700_000, 9));
    const reopened = await open(directory);
    expect(await reopened.read(7)).toEqual(witness(300, 7));
    expect(await reopened.read(8)).toEqual(witness(0));
    expect(await reopened.read(9)).toEqual(witness(700_000, 9));
    expect(await reopened.read(10)).toBeUndefined();
    expect(reopened.bytes).toBe(store.bytes);
    expect(store.bytes).toBe(readdirSync(directory).reduce((sum, name) => sum + statSync(join(directory, name)).size, 0));
  });

  it('goes on in the newest file after a restart until that is full', async () => {
    const { directory, path } = await fiveWitnesses();
    const store = await open(directory);
    await store.put(6, witness(100, 6));
    expect(readdirSync(directory)).toHaveLength(1);
    expect(statSync(path).size).toBe(HEADER + 6 * (RECORD + 100));
    await store.put(7, witness(LARGE / 16));
    await store.put(8, witness(100, 8));
    expect(readdirSync(directory)).toHaveLength(2);
    expect(await readable(await open(directory), [1, 2, 3, 4, 5, 6, 8])).toEqual([1, 2, 3, 4, 5, 6, 8]);
  });

  it('replaces the witness of a block', async () => {
    const directory = tempDirectory();
    const store = await open(directory);
    await store.put(1, witness(100));
    await store.put(1, witness(50, 2));
    expect(await store.read(1)).toEqual(witness(50, 2));
    expect(await (await open(directory)).read(1)).toEqual(witness(50, 2));
  });

  it('drops what was written first above its bytes, and never the newest', async () => {
    const directory = tempDirectory();
    const store = await open(directory, ONE_EACH);
    for (const number of [9, 10, 11, 12]) await store.put(number, witness(96));
    expect(await store.read(9)).toBeUndefined();
    expect(await store.read(10)).toBeDefined();
    expect(store.bytes).toBe(ONE_EACH);
    await store.put(13, witness(1000));
    expect(readdirSync(directory)).toHaveLength(1);
    expect(await store.read(13)).toEqual(witness(1000));
  });

  it('applies its bound to what it finds at the start', async () => {
    const directory = tempDirectory();
    const store = await open(directory, ONE_EACH);
    for (const number of [1, 2, 3]) await store.put(number, witness(96));
    const smaller = await open(directory, ONE_EACH - 1);
    expect(await smaller.read(1)).toBeUndefined();
    expect(await smaller.read(2)).toEqual(witness(96));
  });

  it('prunes below a block, and a file with its last witness', async () => {
    const directory = tempDirectory();
    const store = await open(directory, ONE_EACH);
    for (const number of [1, 2, 3]) await store.put(number, witness(96));
    await store.prune(3);
    expect(await store.read(2)).toBeUndefined();
    expect(await store.read(3)).toEqual(witness(96));
    expect(store.bytes).toBe(ONE_EACH / 3);
    await store.prune(10);
    expect(readdirSync(directory)).toEqual([]);
    await store.put(11, witness(5));
    expect(await (await open(directory)).read(11)).toEqual(witness(5));
  });

  it('does not serve a witness whose bytes changed, and the others as ever', async () => {
    const { directory, path } = await fiveWitnesses();
    flipByte(path, HEADER + 2 * (RECORD + 100) + RECORD + 50);
    expect(await readable(await open(directory), [1, 2, 3, 4, 5])).toEqual([1, 2, 4, 5]);
  });

  it.each([
    ['length, a little', 0],
    ['length', 1],
    ['length, far too large', 3],
    ['checksum', 5],
    ['offset', 9],
    ['number', 12],
  ])('finds the witnesses behind a damaged %s', async (_name, at) => {
    const { directory, path } = await fiveWitnesses();
    flipByte(path, HEADER + (RECORD + 100) + at);
    const store = await open(directory);
    expect(await readable(store, [1, 2, 3, 4, 5])).toEqual([1, 3, 4, 5]);
    await store.put(2, witness(100, 2));
    expect(await readable(await open(directory), [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
  });

  it.each([1, 15, RECORD - 1, RECORD, RECORD + 100 - 1])('leaves %i bytes of a torn witness alone', async (torn) => {
    const { directory, path } = await fiveWitnesses();
    truncateSync(path, HEADER + 4 * (RECORD + 100) + torn);
    const store = await open(directory);
    expect(await readable(store, [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4]);
    await store.put(5, witness(100, 5));
    expect(await readable(await open(directory), [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
  });

  it('prefers the whole witness of a block to a torn one that was to replace it', async () => {
    const { directory, path } = await fiveWitnesses();
    const store = await open(directory);
    await store.put(3, witness(100, 33));
    flipByte(path, statSync(path).size - 1);
    expect(await readable(await open(directory), [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
  });

  it('clears a file that was only begun and touches no other', async () => {
    const { directory } = await fiveWitnesses();
    const store = await open(directory);
    writeFileSync(join(directory, '000000000002.witnesses'), 'STR');
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    await open(directory);
    expect(readdirSync(directory).sort()).toEqual(['000000000001.witnesses', 'notes.txt']);
    expect(await store.read(5)).toEqual(witness(100, 5));
  });

  it('refuses a newer format by name', async () => {
    const { directory, path } = await fiveWitnesses();
    // Version 2 with its checksum.
    const bytes = readFileSync(path);
    bytes.writeUInt32LE(2, 8);
    const { crc32 } = await import('node:zlib');
    bytes.writeUInt32LE(crc32(bytes.subarray(0, 12)), 12);
    writeFileSync(path, bytes);
    await expect(open(directory)).rejects.toMatchObject({
      code: 'VERSION_NOT_SUPPORTED',
      message: expect.stringContaining('format version 2, this program knows 1'),
    });
  });

  it('goes on in a new file after a write that failed half way', async () => {
    const directory = tempDirectory();
    let isFull = false;
    const disk: LogDisk = {
      write: async (file, bytes, position) => {
        if (!isFull) return nodeDisk.write(file, bytes, position);
        await nodeDisk.write(file, bytes.subarray(0, 40), position);
        throw new StrobeError('LOG_FAILED', 'no space left');
      },
      sync: nodeDisk.sync,
    };
    const store = await WitnessStore.open({ directory, maxBytes: LARGE }, { disk });
    await store.put(1, witness(100, 1));
    isFull = true;
    await expect(store.put(2, witness(100, 2))).rejects.toMatchObject({ code: 'WITNESS_STORE_FAILED' });
    isFull = false;
    expect(await readable(store, [1, 2])).toEqual([1]);
    await store.put(2, witness(100, 2));
    expect(await readable(store, [1, 2])).toEqual([1, 2]);
    expect(await readable(await open(directory), [1, 2])).toEqual([1, 2]);
  });

  it('answers a read whose file is dropped meanwhile', async () => {
    const directory = tempDirectory();
    const store = await open(directory, ONE_EACH);
    await store.put(1, witness(96));
    const read = store.read(1);
    await store.prune(2);
    expect([undefined, witness(96)]).toContainEqual(await read);
  });

  it('fails with a code when the disk does', async () => {
    const directory = tempDirectory();
    const store = await open(directory);
    writeFileSync(join(directory, 'file'), '');
    await expect(open(join(directory, 'file'), 1)).rejects.toMatchObject({ code: 'WITNESS_STORE_FAILED' });
    await expect(store.put(1, witness(1))).resolves.toBeUndefined();
  });

  it('survives rubbish behind its witnesses', async () => {
    const { directory, path } = await fiveWitnesses();
    appendFileSync(path, Buffer.alloc(5_000, 0xff));
    appendFileSync(path, Buffer.alloc(5_000));
    expect(await readable(await open(directory), [1, 2, 3, 4, 5])).toEqual([1, 2, 3, 4, 5]);
  });
});
