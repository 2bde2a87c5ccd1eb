import { readdirSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { WitnessStore } from '../../../src/store/witness-store.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const witness = (length: number, fill = 1): Uint8Array => new Uint8Array(length).fill(fill);
const LARGE = 1_000_000;

describe('WitnessStore', () => {
  it('keeps witnesses over a restart and answers undefined for the others', async () => {
    const directory = join(tempDirectory(), 'witnesses');
    const store = await WitnessStore.open({ directory, maxBytes: LARGE });
    await store.put(7, witness(300, 7));
    await store.put(8, witness(0));
    const reopened = await WitnessStore.open({ directory, maxBytes: LARGE });
    expect(await reopened.read(7)).toEqual(witness(300, 7));
    expect(await reopened.read(8)).toEqual(witness(0));
    expect(await reopened.read(9)).toBeUndefined();
    expect(reopened.bytes).toBe(store.bytes);
  });

  it('replaces the witness of a block and counts its bytes once', async () => {
    const store = await WitnessStore.open({ directory: tempDirectory(), maxBytes: LARGE });
    await store.put(1, witness(100));
    await store.put(1, witness(50, 2));
    expect(await store.read(1)).toEqual(witness(50, 2));
    expect(store.bytes).toBe(54);
  });

  it('drops the lowest block numbers above its bytes, and never the newest', async () => {
    const directory = tempDirectory();
    const store = await WitnessStore.open({ directory, maxBytes: 250 });
    for (const number of [10, 9, 11]) await store.put(number, witness(96));
    expect(await store.read(9)).toBeUndefined();
    expect(await store.read(10)).toBeDefined();
    expect(await store.read(11)).toBeDefined();
    await store.put(12, witness(1000));
    expect(readdirSync(directory)).toEqual(['0000000000000012.witness']);
    expect(await store.read(12)).toEqual(witness(1000));
  });

  it('applies its bound to what it finds at the start', async () => {
    const directory = tempDirectory();
    const store = await WitnessStore.open({ directory, maxBytes: LARGE });
    for (const number of [1, 2, 3]) await store.put(number, witness(96));
    const smaller = await WitnessStore.open({ directory, maxBytes: 200 });
    expect(await smaller.read(1)).toBeUndefined();
    expect(await smaller.read(2)).toEqual(witness(96));
  });

  it('prunes below a block', async () => {
    const store = await WitnessStore.open({ directory: tempDirectory(), maxBytes: LARGE });
    for (const number of [1, 2, 3]) await store.put(number, witness(10));
    await store.prune(3);
    expect(await store.read(2)).toBeUndefined();
    expect(await store.read(3)).toEqual(witness(10));
    expect(store.bytes).toBe(14);
  });

  it('does not serve a torn or altered file, and clears what a killed writer left', async () => {
    const directory = tempDirectory();
    const store = await WitnessStore.open({ directory, maxBytes: LARGE });
    await store.put(1, witness(100));
    await store.put(2, witness(100));
    truncateSync(join(directory, '0000000000000001.witness'), 60);
    writeFileSync(join(directory, '0000000000000002.witness'), witness(104, 9));
    writeFileSync(join(directory, '0000000000000003.witness.partial'), witness(5));
    writeFileSync(join(directory, 'notes.txt'), 'mine');
    const reopened = await WitnessStore.open({ directory, maxBytes: LARGE });
    expect(await reopened.read(1)).toBeUndefined();
    expect(await reopened.read(2)).toBeUndefined();
    expect(readdirSync(directory).sort()).toEqual(['0000000000000001.witness', '0000000000000002.witness', 'notes.txt']);
  });

  it('fails with a code when the disk does', async () => {
    const directory = tempDirectory();
    const store = await WitnessStore.open({ directory, maxBytes: LARGE });
    writeFileSync(join(directory, 'file'), '');
    await expect(WitnessStore.open({ directory: join(directory, 'file'), maxBytes: 1 })).rejects.toMatchObject({
      code: 'WITNESS_STORE_FAILED',
    });
    await expect(store.put(1, witness(1))).resolves.toBeUndefined();
  });
});
