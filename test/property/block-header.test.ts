import { createBlockHeader, createBlockHeaderFromBytesArray, type BlockHeader as EthereumJsHeader } from '@ethereumjs/block';
import { Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { RLP } from '@ethereumjs/rlp';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type BlockHeader, decodeHeader, encodeHeader, hashHeader, nextBaseFee } from '../../src/protocol/block-header.ts';
import { EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { type Bytes, concatBytes } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { header, uint } from '../support/arbitraries.ts';
import { runs } from '../support/property-runs.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';

const common = new Common({ chain: Mainnet, hardfork: Hardfork.Prague });
/** ethereumjs insists on the mainnet's rules where ours only bound a field. */
const plausible = header.map((value) => ({ ...value, gasUsed: value.gasUsed < value.gasLimit ? value.gasUsed : value.gasLimit }));

test('a header has the encoding and hash that ethereumjs gives it', () => {
  fc.assert(
    fc.property(plausible, (value) => {
      const reference = referenceOf(value);
      expect(encodeHeader(value)).toEqual(reference.serialize());
      expect(hashHeader(value)).toEqual(reference.hash());
    }),
    runs(100),
  );
});

test('a header decodes to itself, and nothing else than its encoding decodes', () => {
  fc.assert(
    fc.property(header, fc.nat(), fc.integer({ min: 1, max: 255 }), (value, at, change) => {
      const bytes = encodeHeader(value);
      expect(decodeHeader(bytes)).toEqual(value);
      const changed = new Uint8Array(bytes);
      changed[at % bytes.length] = (changed[at % bytes.length] as number) ^ change;
      const decoded = decodeIfValid(changed);
      if (decoded !== undefined) expect(encodeHeader(decoded)).toEqual(changed);
    }),
    runs(500),
  );
});

test('constants of a header, its length and its extra data are checked', () => {
  const [value] = fc.sample(header, { numRuns: 1, seed: 1 }) as [BlockHeader];
  const fields = RLP.decode(encodeHeader(value)) as Bytes[];
  const constants = [1, 7, 14, 16, 17, 18, 19, 20];
  for (const index of constants) {
    const other =
      index === 14
        ? new Uint8Array(8).fill(1)
        : (fields[index] as Bytes).length === 0
          ? Uint8Array.of(1)
          : new Uint8Array(32).fill(1);
    expect(
      strobeCodeOf(() => decodeHeader(RLP.encode(fields.with(index, other)))),
      `field ${index}`,
    ).toBe('INVALID_HEADER');
  }
  expect(strobeCodeOf(() => decodeHeader(encodeHeader({ ...value, extraData: new Uint8Array(33) })))).toBe('INVALID_HEADER');
  expect(strobeCodeOf(() => decodeHeader(RLP.encode(fields.slice(0, 20))))).toBe('INVALID_RLP');
  expect(strobeCodeOf(() => decodeHeader(RLP.encode([...fields, new Uint8Array(0)])))).toBe('INVALID_RLP');
  expect(strobeCodeOf(() => decodeHeader(concatBytes(encodeHeader(value), Uint8Array.of(0))))).toBe('INVALID_RLP');
});

test('the next base fee is that of ethereumjs, and never below the floor', () => {
  const parents = fc
    .record({ gasLimit: uint(40).map((gas) => gas + 5000n), share: fc.nat(1000), baseFeePerGas: uint(90) })
    .map(({ gasLimit, share, baseFeePerGas }) => ({ gasLimit, gasUsed: (gasLimit * BigInt(share)) / 1000n, baseFeePerGas }));
  fc.assert(
    fc.property(parents, uint(90), (parent, floor) => {
      const reference = createBlockHeader(
        { number: 1n, ...parent },
        { common, skipConsensusFormatValidation: true },
      ).calcNextBaseFee();
      const next = nextBaseFee(parent, floor);
      expect(next).toBe(reference < floor ? floor : reference);
    }),
    runs(300),
  );
});

function referenceOf(value: BlockHeader): EthereumJsHeader {
  const fields = createBlockHeader(
    {
      parentHash: value.parentHash,
      coinbase: value.coinbase,
      stateRoot: value.stateRoot,
      transactionsTrie: value.transactionsRoot,
      receiptTrie: value.receiptsRoot,
      logsBloom: value.logsBloom,
      number: value.number,
      gasLimit: value.gasLimit,
      gasUsed: value.gasUsed,
      timestamp: value.timestamp,
      extraData: value.extraData,
      mixHash: value.prevRandao,
      baseFeePerGas: value.baseFeePerGas,
      withdrawalsRoot: EMPTY_TRIE_ROOT,
      blobGasUsed: 0n,
      excessBlobGas: 0n,
      parentBeaconBlockRoot: ZERO_HASH,
      requestsHash: EMPTY_REQUESTS_HASH,
    },
    { common, skipConsensusFormatValidation: true },
  );
  // Through the wire form too: what we encode is what a peer of theirs reads.
  return createBlockHeaderFromBytesArray(fields.raw(), { common, skipConsensusFormatValidation: true });
}

function decodeIfValid(bytes: Bytes): BlockHeader | undefined {
  try {
    return decodeHeader(bytes);
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}
