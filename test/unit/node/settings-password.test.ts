import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { LIGHT_SCRYPT_N, randomPrivateKey } from '../../../src/crypto/keystore.ts';
import { saveKey } from '../../../src/crypto/keystore-files.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { loadNodeKey, resolvePassword } from '../../../src/node/settings-password.ts';
import { toHex } from '../../../src/util/bytes.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strobe-password-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function passwordFile(text: string): string {
  const file = join(folder, 'password');
  writeFileSync(file, text);
  return file;
}

test('a password file loses its last newline and nothing else', async () => {
  expect((await resolvePassword({ passwordFile: passwordFile(' two  words \r\n') }, '')).reveal()).toBe(' two  words ');
});

test('opens the key of a role', async () => {
  const { file, address } = await saveKey({
    folder,
    privateKey: randomPrivateKey(),
    password: new Secret('pw'),
    scryptN: LIGHT_SCRYPT_N,
  });
  const key = await loadNodeKey({ keystore: file, passwordFile: passwordFile('pw\n') });
  expect(toHex(key.address)).toBe(address);
});

test.each([
  ['an empty file', () => ({ passwordFile: passwordFile('\n') }), /is empty/],
  ['a missing file', () => ({ passwordFile: join(folder, 'none') }), /cannot be read/],
  ['two passwords', () => ({ passwordFile: passwordFile('a'), password: new Secret('b') }), /both given/],
])('%s is a settings error', async (_what, settings, message) => {
  await expect(resolvePassword(settings(), '')).rejects.toMatchObject({
    code: 'INVALID_CONFIG',
    message: expect.stringMatching(message),
  });
});
