import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { LIGHT_SCRYPT_N, randomPrivateKey } from '../../../src/crypto/keystore.ts';
import { listKeys, loadKey, saveKey } from '../../../src/crypto/keystore-files.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { toHex } from '../../../src/util/bytes.ts';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'strobe-keys-'));
});
afterEach(() => rmSync(root, { recursive: true }));

const password = new Secret('correct horse');
const save = (name?: string) =>
  saveKey({
    folder: join(root, 'keys'),
    privateKey: randomPrivateKey(),
    password,
    scryptN: LIGHT_SCRYPT_N,
    ...(name === undefined ? {} : { name }),
  });

test('what was saved loads again, and only the owner can read it', async () => {
  const { address, file } = await save();
  expect(file).toBe(join(root, 'keys', `${address}.json`));
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(statSync(join(root, 'keys')).mode & 0o777).toBe(0o700);
  const key = await loadKey({ keystore: file, password });
  expect(toHex(key.address)).toBe(address);
  expect(key.privateKey).toHaveLength(32);
});

test('a folder that others could enter is closed', async () => {
  await save('one');
  chmodSync(join(root, 'keys'), 0o755);
  await save('two');
  expect(statSync(join(root, 'keys')).mode & 0o777).toBe(0o700);
});

test('a key is never overwritten', async () => {
  const { file } = await save('sequencer');
  const before = readFileSync(file, 'utf8');
  await expect(save('sequencer')).rejects.toMatchObject({ code: 'KEYSTORE_EXISTS' });
  expect(readFileSync(file, 'utf8')).toBe(before);
});

test('errors name the file', async () => {
  const { file } = await save();
  await expect(loadKey({ keystore: file, password: new Secret('wrong') })).rejects.toMatchObject({
    code: 'WRONG_PASSWORD',
    message: expect.stringContaining(file),
  });
  const missing = join(root, 'missing.json');
  await expect(loadKey({ keystore: missing, password })).rejects.toMatchObject({
    code: 'KEYSTORE_UNREADABLE',
    message: expect.stringContaining(missing),
  });
});

test('a new key is synced before its address is told', async () => {
  const handle = await open(import.meta.filename);
  await handle.close();
  const sync = vi.spyOn(Object.getPrototypeOf(handle) as FileHandle, 'sync');
  await save();
  // The file and its name.
  expect(sync).toHaveBeenCalledTimes(2);
  sync.mockRestore();
});

test('a folder that is none is named', async () => {
  writeFileSync(join(root, 'keys'), '');
  const named = { message: expect.stringContaining(join(root, 'keys')) };
  await expect(save()).rejects.toMatchObject({ code: 'KEYSTORE_UNWRITABLE', ...named });
  await expect(listKeys(join(root, 'keys'))).rejects.toMatchObject({ code: 'KEYSTORE_UNREADABLE', ...named });
});

test('lists keystores and nothing else', async () => {
  expect(await listKeys(join(root, 'keys'))).toEqual([]);
  const saved = [await save('a'), await save('b')];
  writeFileSync(join(root, 'keys', 'password'), 'secret');
  writeFileSync(join(root, 'keys', 'notes.json'), '{}');
  expect(await listKeys(join(root, 'keys'))).toEqual(saved);
});
