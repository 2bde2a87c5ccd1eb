import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  type Attestation,
  attestationDigest,
  decodeAttestation,
  encodeAttestation,
  type UnsignedAttestation,
} from '../../src/protocol/attestation.ts';
import {
  decodeLogRecord,
  decodeSequencerMessage,
  encodeSequencerMessage,
  type SequencerMessage,
} from '../../src/protocol/log-record.ts';
import {
  decodeBody,
  encodeBody,
  MINI_BLOCK_VERSION,
  type MiniBlock,
  type MiniBlockBody,
  signMiniBlock,
} from '../../src/protocol/mini-block.ts';
import {
  type BlockSeal,
  blockSealDigest,
  decodeWitnessChunk,
  type EpochStart,
  encodeWitnessChunk,
  epochStartDigest,
  type Heartbeat,
  heartbeatDigest,
  type Unsigned,
  type WitnessChunk,
  withSignature,
  witnessChunkDigest,
} from '../../src/protocol/sequencer-messages.ts';
import { stateDiffDigest } from '../../src/protocol/state-diff.ts';
import { signedPart } from '../../src/protocol/validate-sequencer-message.ts';
import { decodeWitness, encodeWitness } from '../../src/protocol/witness.ts';
import { type Bytes, bytesEqual, concatBytes, toKey } from '../../src/util/bytes.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { recoverAddress } from '../../src/util/secp256k1.ts';
import type { Signature } from '../../src/util/signature.ts';
import { address, bytesUpTo, count, hash, header, position, receipt, stateDiff, uint, witness } from '../support/arbitraries.ts';
import { plainDiffPayload } from '../support/plain-diff.ts';
import { runs } from '../support/property-runs.ts';
import { strobeCodeOf } from '../support/strobe-code.ts';
import { testSigner } from '../support/test-accounts.ts';

const signer = testSigner('sequencer');
const domain = { chainId: 4242, genesisHash: new Uint8Array(32).fill(7) };

const body: fc.Arbitrary<MiniBlockBody> = fc
  .array(fc.tuple(fc.uint8Array({ minLength: 1, maxLength: 120 }), address, receipt), { maxLength: 3 })
  .map((items) => ({
    transactions: items.map(([raw, sender]) => ({ raw, sender })),
    receipts: items.map(([, , itemReceipt]) => itemReceipt),
  }));

const environment = fc.record({
  parentHash: hash,
  timestamp: fc.nat(2 ** 40),
  baseFeePerGas: uint(256),
  gasLimit: uint(64),
  coinbase: address,
  prevRandao: hash,
});

const miniBlock: fc.Arbitrary<MiniBlock> = fc
  .record({
    fields: fc.record({
      genesisHash: hash,
      chainId: count,
      epoch: count,
      number: position,
      parentDigest: hash,
      blockNumber: position,
      index: fc.oneof(fc.constant(0), count),
      timestampUs: count,
    }),
    environment,
    diff: stateDiff,
    content: body,
  })
  .map(({ fields, environment: env, diff, content }) => {
    const diffPayload = plainDiffPayload(diff);
    const { payload, transactionsDigest, receiptsDigest } = encodeBody(content);
    const unsigned = {
      version: MINI_BLOCK_VERSION,
      ...fields,
      env: fields.index === 0 ? { number: fields.blockNumber, ...env } : undefined,
      transactionsDigest,
      receiptsDigest,
      stateDiffDigest: stateDiffDigest(diff),
      diffPayloadDigest: keccak256(diffPayload),
      bodyPayloadDigest: keccak256(payload),
    };
    return { ...signMiniBlock(unsigned, signer), diffPayload, bodyPayload: payload };
  });

const heartbeat: fc.Arbitrary<Heartbeat> = fc
  .record<Unsigned<Heartbeat>>({ genesisHash: hash, epoch: count, number: count, digest: hash, timestampUs: count })
  .map((unsigned) => withSignature(unsigned, heartbeatDigest(unsigned), signer));

const epochStart: fc.Arbitrary<EpochStart> = fc
  .record<Unsigned<EpochStart>>({ genesisHash: hash, epoch: count, lastNumber: count, lastDigest: hash, sequencerKey: address })
  .map((unsigned) => withSignature(unsigned, epochStartDigest(unsigned), signer));

const blockSeal: fc.Arbitrary<BlockSeal> = fc
  .record<Unsigned<BlockSeal>>({
    genesisHash: hash,
    epoch: count,
    header,
    firstNumber: fc.integer({ min: 1, max: 1000 }),
    lastNumber: fc.integer({ min: 1000, max: Number.MAX_SAFE_INTEGER }),
    lastDigest: hash,
    stateDiffDigest: hash,
    registryDigest: hash,
    witnessDigest: hash,
    witnessBytes: count,
  })
  .map((unsigned) => withSignature(unsigned, blockSealDigest(unsigned), signer));

const sequencerMessage: fc.Arbitrary<SequencerMessage> = fc.oneof(
  miniBlock.map((value) => ({ kind: 'miniBlock' as const, miniBlock: value })),
  epochStart.map((value) => ({ kind: 'epochStart' as const, epochStart: value })),
  blockSeal.map((value) => ({ kind: 'blockSeal' as const, blockSeal: value })),
  heartbeat.map((value) => ({ kind: 'heartbeat' as const, heartbeat: value })),
);

const attestation: fc.Arbitrary<Attestation> = fc
  .record<UnsignedAttestation>({
    proofType: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    blockNumber: count,
    blockHash: hash,
    preStateRoot: hash,
    postStateRoot: hash,
    stateDiffDigest: hash,
    receiptsRoot: hash,
    lastMiniBlockDigest: hash,
    success: fc.boolean(),
  })
  .map((unsigned) => withSignature(unsigned, attestationDigest(unsigned, domain), signer));

const witnessChunk: fc.Arbitrary<WitnessChunk> = fc
  .record({
    genesisHash: hash,
    blockNumber: count,
    blockHash: hash,
    others: fc.array(hash, { maxLength: 4 }),
    data: bytesUpTo(200),
    at: fc.nat(4),
  })
  .map(({ genesisHash, blockNumber, blockHash, others, data, at }) => {
    const index = at % (others.length + 1);
    const list = { genesisHash, blockNumber, blockHash, chunkHashes: others.toSpliced(index, 0, keccak256(data)) };
    return { ...withSignature(list, witnessChunkDigest(list), signer), index, data };
  });

/** One kind of signed message: its bytes, and what its signature covers. */
interface MessageKind<Message> {
  readonly arbitrary: fc.Arbitrary<Message>;
  readonly encode: (message: Message) => Bytes;
  readonly decode: (bytes: Bytes) => Message;
  readonly signed: (message: Message) => { readonly digest: Bytes; readonly signature: Signature };
}

const kind = <Message>(definition: MessageKind<Message>): MessageKind<Message> => definition;

function checks<Message>(name: string, { arbitrary, encode, decode, signed }: MessageKind<Message>): void {
  describe(name, () => {
    test('decodes to what was encoded', () => {
      fc.assert(
        fc.property(arbitrary, (message) => {
          expect(decode(encode(message))).toEqual(message);
        }),
        runs(100),
      );
    });

    test('is refused with a code at every truncation and with a byte more', () => {
      fc.assert(
        fc.property(arbitrary, fc.nat(255), (message, extra) => {
          const bytes = encode(message);
          for (let length = 0; length < bytes.length; length++) {
            expect(strobeCodeOf(() => decode(bytes.subarray(0, length)))).not.toBe('no error');
          }
          expect(strobeCodeOf(() => decode(concatBytes(bytes, Uint8Array.of(extra))))).not.toBe('no error');
        }),
        runs(8),
      );
    });

    test('changes its digest or its signer, or is refused, with any bit flipped', () => {
      fc.assert(
        fc.property(arbitrary, (message) => {
          const bytes = encode(message);
          const digest = signed(message).digest;
          for (let bit = 0; bit < bytes.length * 8; bit++) {
            const flipped = new Uint8Array(bytes);
            flipped[bit >> 3] = (flipped[bit >> 3] as number) ^ (1 << (bit & 7));
            const decoded = attempt(() => decode(flipped));
            if (decoded === undefined) continue;
            if (!bytesEqual(encode(decoded), flipped)) expect.fail(`bit ${bit}: two encodings of one message`);
            const changed = signed(decoded);
            if (bytesEqual(changed.digest, digest) && signerOf(changed) === toKey(signer.address)) {
              expect.fail(`bit ${bit} does not matter`);
            }
          }
        }),
        runs(3),
      );
    });
  });
}

/** Undefined when `action` throws a coded error; any other error is a bug. */
function attempt<Result>(action: () => Result): Result | undefined {
  try {
    return action();
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}

function signerOf({ digest, signature }: { digest: Bytes; signature: Signature }): string | undefined {
  const recovered = attempt(() => recoverAddress(digest, signature));
  return recovered && toKey(recovered);
}

checks(
  'a sequencer message',
  kind({ arbitrary: sequencerMessage, encode: encodeSequencerMessage, decode: decodeSequencerMessage, signed: signedPart }),
);
checks(
  'a mini-block',
  kind({
    arbitrary: miniBlock.map((value): SequencerMessage => ({ kind: 'miniBlock', miniBlock: value })),
    encode: encodeSequencerMessage,
    decode: decodeLogRecord,
    signed: signedPart,
  }),
);
checks(
  'an attestation',
  kind({
    arbitrary: attestation,
    encode: encodeAttestation,
    decode: decodeAttestation,
    signed: (message) => ({ digest: attestationDigest(message, domain), signature: message.signature }),
  }),
);
checks(
  'a witness chunk',
  kind({
    arbitrary: witnessChunk,
    encode: encodeWitnessChunk,
    decode: decodeWitnessChunk,
    // The signature covers the list; position and data follow from it.
    signed: (message) => ({ digest: witnessChunkDigest(message), signature: message.signature }),
  }),
);

test('a body decodes to what was encoded, and only under its own digests', () => {
  fc.assert(
    fc.property(body, hash, (content, other) => {
      const { payload, ...digests } = encodeBody(content);
      expect(decodeBody(payload, digests)).toEqual(content);
      expect(strobeCodeOf(() => decodeBody(payload, { ...digests, receiptsDigest: other }))).toBe('INVALID_MINI_BLOCK');
      expect(strobeCodeOf(() => decodeBody(payload, { ...digests, transactionsDigest: other }))).toBe('INVALID_MINI_BLOCK');
    }),
    runs(100),
  );
});

test('a witness decodes to what was encoded, and nothing else than its encoding decodes', () => {
  fc.assert(
    fc.property(witness, (value) => {
      const bytes = encodeWitness(value);
      expect(decodeWitness(bytes)).toEqual(value);
      for (let at = 0; at < bytes.length; at++) {
        expect(strobeCodeOf(() => decodeWitness(bytes.subarray(0, at)))).toBe('INVALID_RLP');
        const changed = bytes.with(at, (bytes[at] as number) ^ 0x80);
        const decoded = attempt(() => decodeWitness(changed));
        if (decoded !== undefined) expect(encodeWitness(decoded)).toEqual(changed);
      }
    }),
    runs(30),
  );
});

test('random bytes are refused with a code by every decoder', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        bytesUpTo(400),
        bytesUpTo(60).map((tail) => concatBytes(Uint8Array.of(1 + (tail.length % 4)), tail)),
      ),
      (bytes) => {
        for (const decode of [decodeSequencerMessage, decodeAttestation, decodeWitnessChunk]) {
          expect(strobeCodeOf(() => decode(bytes))).not.toBe('no error');
        }
      },
    ),
    runs(500),
  );
});
