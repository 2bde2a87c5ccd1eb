import { createBlockHeader } from '@ethereumjs/block';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { describe, expect, test } from 'vitest';
import { encodeHeader } from '../../../src/protocol/block-header.ts';
import {
  canonicalJson,
  chainIdentity,
  type GenesisFile,
  genesisHeader,
  parseGenesis,
  protocolPrefix,
} from '../../../src/protocol/genesis.ts';
import { HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import { decodeStateDiff, encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const good = new ChainBuilder().genesisFile;
const someAddress = `0x${'ab'.repeat(20)}`;

type Change = (file: { -readonly [K in keyof GenesisFile]: GenesisFile[K] }) => void;

function changed(change: Change): unknown {
  const file = structuredClone(good);
  change(file);
  return file;
}

const removeHistoryContract: Change = ({ alloc }) => {
  for (const name of Object.keys(alloc)) if (name.toLowerCase() === toHex(HISTORY_CONTRACT)) delete alloc[name];
};

describe('a genesis file', () => {
  test('gives an allocation that has a canonical encoding', () => {
    const { allocation } = parseGenesis(good);
    expect(decodeStateDiff(encodeStateDiff(allocation))).toEqual(allocation);
    expect(allocation.accounts.length).toBe(Object.keys(good.alloc).length);
  });

  test('is bound to the chain identity by the genesis block', () => {
    const genesis = parseGenesis(good);
    const root = keccak256(Uint8Array.of(1));
    const header = genesisHeader(genesis, root);
    expect(header.extraData).toEqual(keccak256(new TextEncoder().encode(canonicalJson(good))));
    const common = new Common({ chain: Mainnet, hardfork: Hardfork.Prague });
    const reference = createBlockHeader(
      { ...header, receiptTrie: header.receiptsRoot, mixHash: header.prevRandao },
      { common, skipConsensusFormatValidation: true },
    );
    expect(encodeHeader(header)).toEqual(reference.serialize());
    const identity = chainIdentity(genesis, root);
    expect(identity.genesisHash).toEqual(reference.hash());
    expect(protocolPrefix(identity)).toBe(`/strobe/${toHex(reference.hash()).slice(2, 10)}/prague`);
  });

  test('has one digest however it is formatted, and another one with any other content', () => {
    const { strobe, ...rest } = good;
    const reordered = JSON.parse(
      JSON.stringify({ strobe: Object.fromEntries(Object.entries(strobe).reverse()), ...rest }, null, 4),
    );
    expect(parseGenesis(reordered).fileDigest).toEqual(parseGenesis(good).fileDigest);
    const other = changed((file) => {
      file.config = { ...file.config, name: 'other' };
    });
    expect(parseGenesis(other).fileDigest).not.toEqual(parseGenesis(good).fileDigest);
  });

  test('raises a base fee below the floor to the floor', () => {
    const low = changed((file) => {
      file.baseFeePerGas = 1;
    });
    expect(parseGenesis(low).baseFeePerGas).toBe(BigInt(good.strobe.baseFeeFloorWei));
  });

  const wrong: [string, Change][] = [
    ['an empty account', (file) => Object.assign(file.alloc, { [someAddress]: { balance: 0 } })],
    ['a zero slot', (file) => Object.assign(file.alloc, { [someAddress]: { balance: 1, storage: { '0x1': '0x0' } } })],
    [
      'a slot twice',
      (file) => Object.assign(file.alloc, { [someAddress]: { balance: 1, storage: { '0x1': '0x1', '0x01': '0x2' } } }),
    ],
    [
      'an account twice',
      (file) =>
        Object.assign(file.alloc, { [someAddress]: { balance: 1 }, [someAddress.slice(2).toUpperCase()]: { balance: 2 } }),
    ],
    ['a nonce above 64 bits', (file) => Object.assign(file.alloc, { [someAddress]: { nonce: `0x1${'0'.repeat(16)}` } })],
    ['a balance above 256 bits', (file) => Object.assign(file.alloc, { [someAddress]: { balance: `0x1${'0'.repeat(64)}` } })],
    ['a gas limit above 64 bits', (file) => Object.assign(file, { gasLimit: `0x1${'0'.repeat(16)}` })],
    ['a gas limit below the largest transaction', (file) => Object.assign(file, { gasLimit: 16_777_215 })],
    ['a time that no header holds', (file) => Object.assign(file, { timestamp: `0x1${'0'.repeat(12)}` })],
    ['a missing history contract', removeHistoryContract],
    ['a transaction cap above 2^24', (file) => Object.assign(file.strobe.limits, { maxTransactionGas: 16_777_217 })],
    ['a threshold above the provers', (file) => Object.assign(file.strobe, { threshold: 3 })],
    ['a threshold of nobody', (file) => Object.assign(file.strobe, { threshold: 0 })],
    [
      'a prover twice',
      (file) => Object.assign(file.strobe, { provers: [someAddress, someAddress.toUpperCase().replace('0X', '0x')] }),
    ],
    ['no sequencer key', (file) => Object.assign(file.strobe, { sequencerKeys: [] })],
    ['a block interval below a second', (file) => Object.assign(file.strobe, { blockIntervalMs: 999 })],
    ['an unknown setting', (file) => Object.assign(file.strobe, { blockInterval: 1000 })],
    ['a chain id that is not a safe number', (file) => Object.assign(file.config, { chainId: 2 ** 53 })],
  ];
  test.each(wrong)('with %s is refused', (_, change) => {
    expect(strobeCodeOf(() => parseGenesis(changed(change)))).toBe('INVALID_GENESIS');
  });

  test('that is no object is refused', () => {
    for (const file of [undefined, null, 'genesis', 1, [], {}])
      expect(strobeCodeOf(() => parseGenesis(file))).toBe('INVALID_GENESIS');
  });
});
