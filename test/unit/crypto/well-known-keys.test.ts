import { describe, expect, test } from 'vitest';
import { randomPrivateKey } from '../../../src/crypto/keystore.ts';
import { assertKeySafe, isLoopback, isWellKnownKey } from '../../../src/crypto/well-known-keys.ts';
import { deriveDevnetAccounts } from '../../../src/node/devnet-accounts.ts';
import { fromHex } from '../../../src/util/bytes.ts';
import { privateKeyToAddress } from '../../../src/util/secp256k1.ts';

/** First account of Hardhat and Anvil. */
const ANVIL = fromHex('0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266');

test('the first fifty accounts of the test mnemonic are well known', () => {
  const { accounts } = deriveDevnetAccounts(51);
  expect(accounts.slice(0, 50).every(({ address }) => isWellKnownKey(fromHex(address)))).toBe(true);
  expect(isWellKnownKey(fromHex(accounts[50]?.address ?? ''))).toBe(false);
});

describe('a well-known key', () => {
  test('is fine while everything listens on loopback', () => {
    expect(() => assertKeySafe(ANVIL, ['127.0.0.1', '::1', 'localhost', '/ip4/127.0.0.1/tcp/9645'])).not.toThrow();
  });

  test.each(['0.0.0.0', '::', '192.168.1.4', '/ip4/0.0.0.0/tcp/9645', '/dns4/node.example/tcp/9645', 'example.org'])(
    'is refused on %s',
    (listener) => {
      expect(() => assertKeySafe(ANVIL, ['127.0.0.1', listener])).toThrow(
        expect.objectContaining({ code: 'WELL_KNOWN_KEY', meta: expect.objectContaining({ listener }) }),
      );
    },
  );
});

test('a key of one’s own may listen anywhere', () => {
  expect(() => assertKeySafe(privateKeyToAddress(randomPrivateKey()), ['0.0.0.0'])).not.toThrow();
});

test.each([
  ['127.0.0.1', true],
  ['127.9.9.9', true],
  ['[::1]', true],
  ['/ip6/::1/tcp/1', true],
  ['127.0.0.1.example.org', false],
  ['10.127.0.1', false],
])('loopback: %s is %s', (listener, expected) => {
  expect(isLoopback(listener)).toBe(expected);
});
