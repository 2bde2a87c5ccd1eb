import { describe, expect, test } from 'vitest';
import { deriveDevnetAccounts } from '../../../src/node/devnet-accounts.ts';
import { buildDevnetGenesis, majorityOf } from '../../../src/node/devnet-genesis.ts';
import { parseGenesis } from '../../../src/protocol/genesis.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';

const key = (fill: number) => new Uint8Array(20).fill(fill);
const accounts = deriveDevnetAccounts(50);
const options = {
  chainId: 424_242,
  timestamp: 1_700_000_000,
  blockIntervalMs: 1_000,
  keys: { sequencer: key(1), operator: key(2), provers: [key(3)] },
  accounts,
};
const genesis = parseGenesis(buildDevnetGenesis(options));
const find = (address: string) => genesis.allocation.accounts.find((account) => toHex(account.address) === address.toLowerCase());

describe('the devnet genesis', () => {
  test('passes the loader with what was asked for', () => {
    expect(genesis).toMatchObject({
      chainId: 424_242,
      timestamp: 1_700_000_000,
      blockIntervalMs: 1_000,
      miniBlockIntervalMs: 10,
      threshold: 1,
    });
    expect(genesis.sequencerKeys).toEqual([key(1)]);
    expect(genesis.provers).toEqual([key(3)]);
  });

  test('funds the accounts of the test mnemonic with 10,000 ETH', () => {
    expect(accounts.accounts[0]).toEqual({
      address: '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266',
      privateKey: '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
    });
    for (const { address } of accounts.accounts) expect(find(address)?.balance).toBe(10_000n * 10n ** 18n);
  });

  /** Code hashes of the contracts as they are on Ethereum mainnet. */
  test.each([
    [
      'EIP-2935',
      '0x0000F90827F1C53a10cb7A02335B175320002935',
      '0x6e49e66782037c0555897870e29fa5e552daf4719552131a0abce779daec0a5d',
    ],
    [
      'EIP-4788',
      '0x000F3df6D732807Ef1319fB7B8bB8522d0Beac02',
      '0xf57acd40259872606d76197ef052f3d35588dadf919ee1f0e3cb9b62d3f4b02c',
    ],
    [
      'CREATE2 deployer',
      '0x4e59b44847b379578588920cA78FbF26c0B4956C',
      '0x2fa86add0aed31f33a762c9d88e807c475bd51d0f52bd0955754b2608f7e4989',
    ],
    [
      'Multicall3',
      '0xcA11bde05977b3631167028862bE2a173976CA11',
      '0xd5c15df687b16f2ff992fc8d767b4216323184a2bbc6ee2f9c398c318e770891',
    ],
  ])('predeploys %s with its real code', (_name, address, codeHash) => {
    const account = find(address);
    expect(toHex(account?.codeHash ?? new Uint8Array())).toBe(codeHash);
    expect(account?.nonce).toBe(1n);
    expect(genesis.allocation.codes.some((code) => toHex(keccak256(code)) === codeHash)).toBe(true);
  });

  test('depends on nothing but its options', () => {
    expect(parseGenesis(buildDevnetGenesis(options)).fileDigest).toEqual(genesis.fileDigest);
    expect(parseGenesis(buildDevnetGenesis({ ...options, chainId: 7 })).fileDigest).not.toEqual(genesis.fileDigest);
  });
});

test('a majority of provers makes a block safe', () => {
  expect([1, 2, 3, 4].map(majorityOf)).toEqual([1, 2, 2, 3]);
});
