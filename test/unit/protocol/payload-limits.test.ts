import { zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { decodeAttestation } from '../../../src/protocol/attestation.ts';
import {
  MAX_BODY_PAYLOAD_BYTES,
  MAX_DECODED_BYTES,
  MAX_DIFF_PAYLOAD_BYTES,
  MAX_GOSSIP_BYTES,
  MAX_WITNESS_CHUNKS,
  WITNESS_CHUNK_BYTES,
} from '../../../src/protocol/limits.ts';
import { decodeSequencerMessage, encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { decodeBody, decodeMiniBlock, encodeMiniBlock, type MiniBlock, signMiniBlock } from '../../../src/protocol/mini-block.ts';
import { unpackPayload } from '../../../src/protocol/payload.ts';
import { encodeRlp } from '../../../src/protocol/rlp.ts';
import {
  decodeWitnessChunk,
  encodeWitnessChunk,
  splitWitness,
  withSignature,
  witnessChunkDigest,
} from '../../../src/protocol/sequencer-messages.ts';
import { type Bytes, concatBytes } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';
import { testSigner } from '../../support/test-accounts.ts';

const signer = testSigner('sequencer');
const zero = new Uint8Array(32);

/** A mini-block around payloads of the given lengths, signed; what is in them does not matter to the envelope. */
function miniBlockOf(diffPayload: Bytes, bodyPayload: Bytes): MiniBlock {
  const unsigned = {
    version: 1,
    genesisHash: zero,
    chainId: 1,
    epoch: 1,
    number: 1,
    parentDigest: zero,
    blockNumber: 1,
    index: 1,
    timestampUs: 1,
    env: undefined,
    transactionsDigest: zero,
    receiptsDigest: zero,
    stateDiffDigest: zero,
    diffPayloadDigest: keccak256(diffPayload),
    bodyPayloadDigest: keccak256(bodyPayload),
  };
  return { ...signMiniBlock(unsigned, signer), diffPayload, bodyPayload };
}

describe('a mini-block', () => {
  test('with the largest payloads fits in one gossip message', () => {
    const miniBlock = miniBlockOf(new Uint8Array(MAX_DIFF_PAYLOAD_BYTES), new Uint8Array(MAX_BODY_PAYLOAD_BYTES));
    const message = encodeSequencerMessage({ kind: 'miniBlock', miniBlock });
    expect(message.length).toBeLessThanOrEqual(MAX_GOSSIP_BYTES);
    expect(decodeSequencerMessage(message)).toEqual({ kind: 'miniBlock', miniBlock });
  });

  test('with a payload above its bound is refused', () => {
    const tooLarge = [
      miniBlockOf(new Uint8Array(MAX_DIFF_PAYLOAD_BYTES + 1), new Uint8Array(1)),
      miniBlockOf(new Uint8Array(1), new Uint8Array(MAX_BODY_PAYLOAD_BYTES + 1)),
    ];
    for (const miniBlock of tooLarge) {
      expect(strobeCodeOf(() => decodeMiniBlock(encodeMiniBlock(miniBlock)))).toBe('INVALID_MINI_BLOCK');
    }
  });

  test('of another version, or with env out of its place, is refused', () => {
    const { envelope, ...payloads } = miniBlockOf(new Uint8Array(1), new Uint8Array(1));
    const code = (changes: Partial<typeof envelope>): string =>
      strobeCodeOf(() => decodeMiniBlock(encodeMiniBlock({ ...payloads, envelope: { ...envelope, ...changes } })));
    const env = {
      number: 1,
      parentHash: zero,
      timestamp: 1,
      baseFeePerGas: 1n,
      gasLimit: 1n,
      coinbase: new Uint8Array(20),
      prevRandao: zero,
    };
    expect(code({})).toBe('no error');
    expect(code({ version: 2 })).toBe('VERSION_NOT_SUPPORTED');
    expect(code({ env })).toBe('INVALID_MINI_BLOCK');
    expect(code({ index: 0 })).toBe('INVALID_MINI_BLOCK');
    expect(code({ index: 0, env })).toBe('no error');
    expect(code({ number: 0 })).toBe('INVALID_MINI_BLOCK');
    expect(code({ blockNumber: 0 })).toBe('INVALID_MINI_BLOCK');
  });
});

describe('a decompression bomb', () => {
  const bomb = (size: number): Bytes => concatBytes(Uint8Array.of(1), zstdCompressSync(new Uint8Array(size)));

  test('unpacks up to the bound and not a byte further', () => {
    expect(unpackPayload(bomb(MAX_DECODED_BYTES))).toHaveLength(MAX_DECODED_BYTES);
    expect(bomb(MAX_DECODED_BYTES + 1).length).toBeLessThan(1_000);
    expect(strobeCodeOf(() => unpackPayload(bomb(MAX_DECODED_BYTES + 1)))).toBe('INVALID_PAYLOAD');
    expect(strobeCodeOf(() => unpackPayload(bomb(200 * 1024 * 1024)))).toBe('INVALID_PAYLOAD');
  });

  test('of items is refused before they take memory', () => {
    // Without a bound on items one such payload took a gigabyte.
    const list = concatBytes(Uint8Array.of(0xfa, 0x3f, 0xff, 0xf0), new Uint8Array(0x3ffff0).fill(0x80));
    const payload = concatBytes(Uint8Array.of(1), zstdCompressSync(list));
    expect(() => decodeBody(payload, { transactionsDigest: zero, receiptsDigest: zero })).toThrow('too many items');
  });

  test('of items in a gossip message is refused before any signature is looked at', () => {
    const list = concatBytes(Uint8Array.of(0xf9, 0xff, 0xff), new Uint8Array(0xffff).fill(0x80));
    for (const kind of [1, 2, 3, 4]) {
      expect(() => decodeSequencerMessage(concatBytes(Uint8Array.of(kind), list))).toThrow('too many items');
    }
    expect(() => decodeWitnessChunk(list)).toThrow('too many items');
    expect(() => decodeAttestation(list)).toThrow('too many items');
  });
});

describe('a body', () => {
  const digest = (transactions: Bytes, receipts: Bytes) => ({
    payload: concatBytes(Uint8Array.of(0), encodeRlp([transactions, receipts])),
    digests: { transactionsDigest: keccak256(transactions), receiptsDigest: keccak256(receipts) },
  });

  test('without one receipt per transaction is refused', () => {
    const transaction = encodeRlp([[Uint8Array.of(1), new Uint8Array(20)]]);
    const { payload, digests } = digest(transaction, encodeRlp([]));
    expect(strobeCodeOf(() => decodeBody(payload, digests))).toBe('INVALID_MINI_BLOCK');
  });

  test('whose lists are not RLP is refused', () => {
    const { payload, digests } = digest(Uint8Array.of(0xf8), encodeRlp([]));
    expect(strobeCodeOf(() => decodeBody(payload, digests))).toBe('INVALID_RLP');
  });
});

describe('a witness chunk', () => {
  const chunkOf = (data: Bytes, chunkHashes: readonly Bytes[], index = 0) => {
    const list = { genesisHash: zero, blockNumber: 1, blockHash: zero, chunkHashes };
    return { ...withSignature(list, witnessChunkDigest(list), signer), index, data };
  };

  test('of the largest size in the longest list fits in one gossip message', () => {
    const data = new Uint8Array(WITNESS_CHUNK_BYTES).fill(3);
    const hashes = new Array<Bytes>(MAX_WITNESS_CHUNKS).fill(keccak256(data));
    const chunk = chunkOf(data, hashes, MAX_WITNESS_CHUNKS - 1);
    const bytes = encodeWitnessChunk(chunk);
    expect(bytes.length).toBeLessThan(MAX_GOSSIP_BYTES);
    expect(decodeWitnessChunk(bytes)).toEqual(chunk);
  });

  test('beyond a limit, or not what the list says, is refused', () => {
    const data = Uint8Array.of(1);
    const large = new Uint8Array(WITNESS_CHUNK_BYTES + 1);
    const code = (chunk: ReturnType<typeof chunkOf>): string => strobeCodeOf(() => decodeWitnessChunk(encodeWitnessChunk(chunk)));
    expect(code(chunkOf(data, [keccak256(data)]))).toBe('no error');
    expect(code(chunkOf(data, new Array(MAX_WITNESS_CHUNKS + 1).fill(keccak256(data))))).toBe('INVALID_WITNESS_CHUNK');
    expect(code(chunkOf(large, [keccak256(large)]))).toBe('INVALID_WITNESS_CHUNK');
    expect(code(chunkOf(data, [zero]))).toBe('INVALID_WITNESS_CHUNK');
    expect(code(chunkOf(data, [keccak256(data)], 1))).toBe('INVALID_WITNESS_CHUNK');
    expect(code(chunkOf(data, []))).toBe('INVALID_WITNESS_CHUNK');
  });

  test('is a piece of the witness: pieces join to the whole', () => {
    for (const length of [0, 1, WITNESS_CHUNK_BYTES, WITNESS_CHUNK_BYTES + 1, WITNESS_CHUNK_BYTES * 3]) {
      const witness = new Uint8Array(length).map((_, i) => i >> 8);
      const chunks = splitWitness(witness);
      expect(chunks).toHaveLength(Math.max(1, Math.ceil(length / WITNESS_CHUNK_BYTES)));
      expect(Buffer.compare(concatBytes(...chunks), witness)).toBe(0);
      for (const chunk of chunks.slice(0, -1)) expect(chunk).toHaveLength(WITNESS_CHUNK_BYTES);
    }
  });
});
