import { privateKeyToAccount } from 'viem/accounts';
import { describe, expect, test } from 'vitest';
import { decryptKey, encryptKey, LIGHT_SCRYPT_N, parseKeystore, randomPrivateKey } from '../../../src/crypto/keystore.ts';
import { Secret } from '../../../src/crypto/secret.ts';
import { toHex } from '../../../src/util/bytes.ts';

const PASSWORD = new Secret('testpassword');

/** Published keystores: the PBKDF2 vector of the specification, and one that geth wrote with its light setting. */
const VECTORS = {
  pbkdf2: {
    password: 'testpassword',
    address: '0x008aeeda4d805471df9b2a5b0f38a0c3bcba786b',
    keystore: {
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: '6087dab2f9fdbbfaddc31a909735c1e6' },
        ciphertext: '5318b4d5bcd28de64ee5559e671353e16f075ecae9f99c7a79a38af5f869aa46',
        kdf: 'pbkdf2',
        kdfparams: {
          c: 262144,
          dklen: 32,
          prf: 'hmac-sha256',
          salt: 'ae3cd4e7013836a3df6bd7241b12db061dbe2c6785853cce422d148a624ce0bd',
        },
        mac: '517ead924a9d0dc3124507e3393d175ce3ff7c1e96529c6c555ce9e51205e9b2',
      },
      id: '3198bc9c-6672-5ab3-d995-4942343ae5b6',
      version: 3,
    },
  },
  scrypt: {
    password: 'test',
    address: '0x5e9c27156a612a2d516c74c7a80af107856f8539',
    keystore: {
      address: '5e9c27156a612a2d516c74c7a80af107856f8539',
      crypto: {
        cipher: 'aes-128-ctr',
        cipherparams: { iv: 'e5ab559977af075eda00a97c8f0ce506' },
        ciphertext: '5eb0c790d1fb27824c78acac9233241b340c329b46aba08c6533b70ab67ea74f',
        kdf: 'scrypt',
        kdfparams: { dklen: 32, n: 4096, p: 6, r: 8, salt: 'b43142f34caf2b3b39c16f52344701f800711589f799cdae1827ac2f844f9602' },
        mac: 'c6ccaecca7896974dacac91a8116216ec287930bc74bfd7694a94f08bd992095',
      },
      id: 'e3554f73-4d0a-40a0-b721-fc801623d5ba',
      version: 3,
    },
  },
};

describe('V3 keystores', () => {
  test.each(Object.entries(VECTORS))('opens the published %s vector', async (_kdf, vector) => {
    const opened = await decryptKey(parseKeystore(JSON.stringify(vector.keystore)), new Secret(vector.password));
    expect(privateKeyToAccount(toHex(opened)).address.toLowerCase()).toBe(vector.address);
  });

  test('round trip, under the address that viem derives', async () => {
    const privateKey = randomPrivateKey();
    const keystore = await encryptKey(privateKey, PASSWORD, LIGHT_SCRYPT_N);
    expect(`0x${keystore.address}`).toBe(privateKeyToAccount(toHex(privateKey)).address.toLowerCase());
    expect(await decryptKey(parseKeystore(JSON.stringify(keystore)), PASSWORD)).toEqual(privateKey);
    expect(JSON.stringify(keystore)).not.toContain(toHex(privateKey).slice(2));
  });

  test('one key encrypted twice shares no salt, iv or ciphertext', async () => {
    const privateKey = randomPrivateKey();
    const [one, two] = await Promise.all([0, 1].map(() => encryptKey(privateKey, PASSWORD, LIGHT_SCRYPT_N)));
    expect(one?.crypto.kdfparams.salt).not.toBe(two?.crypto.kdfparams.salt);
    expect(one?.crypto.cipherparams.iv).not.toBe(two?.crypto.cipherparams.iv);
    expect(one?.crypto.ciphertext).not.toBe(two?.crypto.ciphertext);
  });

  test('a password that was composed differently opens the same file', async () => {
    const privateKey = randomPrivateKey();
    const keystore = await encryptKey(privateKey, new Secret('caf\u00e9'), LIGHT_SCRYPT_N);
    expect(await decryptKey(keystore, new Secret('cafe\u0301'))).toEqual(privateKey);
  });

  test('a wrong password and a changed mac or ciphertext are refused', async () => {
    const keystore = await encryptKey(randomPrivateKey(), PASSWORD, LIGHT_SCRYPT_N);
    const flip = (hex: string) => (hex.startsWith('0') ? '1' : '0') + hex.slice(1);
    const { crypto } = keystore;
    const changed = [
      { ...keystore, crypto: { ...crypto, mac: flip(crypto.mac) } },
      { ...keystore, crypto: { ...crypto, ciphertext: flip(crypto.ciphertext) } },
    ];
    await expect(decryptKey(keystore, new Secret('other'))).rejects.toMatchObject({ code: 'WRONG_PASSWORD' });
    for (const file of changed) await expect(decryptKey(file, PASSWORD)).rejects.toMatchObject({ code: 'WRONG_PASSWORD' });
  });

  test('a changed address or iv, which the mac does not cover, is refused', async () => {
    const keystore = await encryptKey(randomPrivateKey(), PASSWORD, LIGHT_SCRYPT_N);
    const otherAddress = { ...keystore, address: '00'.repeat(20) };
    const otherIv = { ...keystore, crypto: { ...keystore.crypto, cipherparams: { iv: '00'.repeat(16) } } };
    for (const file of [otherAddress, otherIv]) {
      await expect(decryptKey(file, PASSWORD)).rejects.toMatchObject({ code: 'INVALID_KEYSTORE' });
    }
  });

  const scrypt = VECTORS.scrypt.keystore;
  const withParameters = (kdfparams: object) => ({
    ...scrypt,
    crypto: { ...scrypt.crypto, kdfparams: { ...scrypt.crypto.kdfparams, ...kdfparams } },
  });
  test.each([
    ['no JSON', 'hello'],
    ['another version', JSON.stringify({ ...scrypt, version: 1 })],
    ['an n that is no power of two', JSON.stringify(withParameters({ n: 4095 }))],
    ['a thousand lanes', JSON.stringify(withParameters({ p: 1000 }))],
    ['a key of another length', JSON.stringify(withParameters({ dklen: 64 }))],
    ['another cipher', JSON.stringify({ ...scrypt, crypto: { ...scrypt.crypto, cipher: 'aes-128-cbc' } })],
  ])('%s is no keystore', (_what, json) => {
    expect(() => parseKeystore(json)).toThrow(expect.objectContaining({ code: 'INVALID_KEYSTORE' }));
  });

  test('a file that asks for more memory than is reasonable is refused before any is taken', async () => {
    const greedy = parseKeystore(JSON.stringify(withParameters({ n: 2 ** 26 })));
    await expect(decryptKey(greedy, PASSWORD)).rejects.toMatchObject({ code: 'INVALID_KEYSTORE' });
  });
});
