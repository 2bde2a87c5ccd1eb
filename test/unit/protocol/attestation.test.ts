import fc from 'fast-check';
import { hashTypedData } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { expect, test } from 'vitest';
import {
  attestationDigest,
  decodeAttestation,
  encodeAttestation,
  type UnsignedAttestation,
} from '../../../src/protocol/attestation.ts';
import { asList, decodeRlp, encodeRlp, fromNumber } from '../../../src/protocol/rlp.ts';
import { withSignature } from '../../../src/protocol/sequencer-messages.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { recoverAddress } from '../../../src/util/secp256k1.ts';
import { count, hash } from '../../support/arbitraries.ts';
import { runs } from '../../support/property-runs.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';
import { testAccount, testSigner } from '../../support/test-accounts.ts';

/** As a contract or a wallet writes the type down. */
const types = {
  Attestation: [
    { name: 'proofType', type: 'uint32' },
    { name: 'blockNumber', type: 'uint64' },
    { name: 'blockHash', type: 'bytes32' },
    { name: 'preStateRoot', type: 'bytes32' },
    { name: 'postStateRoot', type: 'bytes32' },
    { name: 'stateDiffDigest', type: 'bytes32' },
    { name: 'receiptsRoot', type: 'bytes32' },
    { name: 'lastMiniBlockDigest', type: 'bytes32' },
    { name: 'success', type: 'bool' },
  ],
} as const;

const attestation = fc.record<UnsignedAttestation>({
  proofType: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
  blockNumber: count,
  blockHash: hash,
  preStateRoot: hash,
  postStateRoot: hash,
  stateDiffDigest: hash,
  receiptsRoot: hash,
  lastMiniBlockDigest: hash,
  success: fc.boolean(),
});

function typedData(value: UnsignedAttestation, chainId: number, genesisHash: Uint8Array) {
  return {
    domain: { name: 'Strobe Attestation', version: '1', chainId, salt: toHex(genesisHash) },
    types,
    primaryType: 'Attestation',
    message: {
      proofType: value.proofType,
      blockNumber: BigInt(value.blockNumber),
      blockHash: toHex(value.blockHash),
      preStateRoot: toHex(value.preStateRoot),
      postStateRoot: toHex(value.postStateRoot),
      stateDiffDigest: toHex(value.stateDiffDigest),
      receiptsRoot: toHex(value.receiptsRoot),
      lastMiniBlockDigest: toHex(value.lastMiniBlockDigest),
      success: value.success,
    },
  } as const;
}

test('the digest is the EIP-712 hash of viem', () => {
  fc.assert(
    fc.property(attestation, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), hash, (value, chainId, genesisHash) => {
      expect(toHex(attestationDigest(value, { chainId, genesisHash }))).toBe(
        hashTypedData(typedData(value, chainId, genesisHash)),
      );
    }),
    runs(50),
  );
});

test('what a wallet signs as typed data is a good attestation', async () => {
  const { privateKey, address } = testAccount('prover');
  const [value] = fc.sample(attestation, { numRuns: 1, seed: 3 }) as [UnsignedAttestation];
  const genesisHash = new Uint8Array(32).fill(9);
  const signed = fromHex(await privateKeyToAccount(toHex(privateKey)).signTypedData(typedData(value, 4242, genesisHash)));
  // Wallets write v as 27 or 28.
  const signature = signed.with(64, (signed[64] as number) - 27);
  expect(recoverAddress(attestationDigest(value, { chainId: 4242, genesisHash }), signature)).toEqual(address);
});

test('what is no attestation is refused', () => {
  const [value] = fc.sample(attestation, { numRuns: 1, seed: 4 }) as [UnsignedAttestation];
  const domain = { chainId: 1, genesisHash: new Uint8Array(32) };
  const bytes = encodeAttestation(withSignature(value, attestationDigest(value, domain), testSigner('prover')));
  const fields = asList(decodeRlp(bytes), 'attestation', 10);
  const code = (index: number, field: Uint8Array): string =>
    strobeCodeOf(() => decodeAttestation(encodeRlp(fields.with(index, field))));
  expect(code(8, Uint8Array.of(2))).toBe('INVALID_ATTESTATION');
  expect(code(0, fromNumber(2 ** 32))).toBe('INVALID_ATTESTATION');
  expect(code(0, fromNumber(2 ** 32 - 1))).toBe('no error');
  expect(code(2, new Uint8Array(31))).toBe('INVALID_RLP');
  expect(code(9, new Uint8Array(64))).toBe('INVALID_RLP');
  expect(strobeCodeOf(() => decodeAttestation(encodeRlp(fields.slice(0, 9))))).toBe('INVALID_RLP');
});
