import { type Address, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import type { Log } from '../../src/protocol/receipt.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { createSigner, type Signer } from '../../src/protocol/signing.ts';
import { type Bytes, bytesToBigInt, concatBytes, EMPTY_BYTES } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { privateKeyToAddress, signDigest } from '../../src/util/secp256k1.ts';

export interface TestAccount {
  readonly address: Address;
  readonly privateKey: Bytes;
}

/** The account whose key is the hash of `name`. */
export function testAccount(name: string): TestAccount {
  const privateKey = keccak256(new TextEncoder().encode(`strobe test account ${name}`));
  return { address: privateKeyToAddress(privateKey), privateKey };
}

export function testSigner(name: string): Signer {
  const { address, privateKey } = testAccount(name);
  return createSigner(address, privateKey);
}

/** A transaction to be built, with the outcome that the chain is to claim for it. */
export interface TestTransaction {
  readonly from: TestAccount;
  /** Null creates a contract. */
  readonly to: Address | null;
  readonly value?: bigint;
  readonly data?: Bytes;
  /** A plain transfer has none; logs and gas are claimed and not executed. */
  readonly logs?: readonly Log[];
  readonly gasUsed?: bigint;
}

export const PRIORITY_FEE_WEI = 1_000_000_000n;

/** Signs an EIP-1559 transaction. */
export function signTransfer(spec: TestTransaction, nonce: bigint, chainId: number, maxFeePerGas: bigint): Bytes {
  const fields = [
    fromNumber(chainId),
    fromNumber(nonce),
    fromNumber(PRIORITY_FEE_WEI),
    fromNumber(maxFeePerGas),
    fromNumber(spec.gasUsed ?? 21_000n),
    spec.to ?? EMPTY_BYTES,
    fromNumber(spec.value ?? 1n),
    spec.data ?? EMPTY_BYTES,
    [],
  ];
  const type = Uint8Array.of(2);
  const signature = signDigest(keccak256(concatBytes(type, encodeRlp(fields))), spec.from.privateKey);
  const [r, s] = [signature.subarray(0, 32), signature.subarray(32, 64)].map(bytesToBigInt) as [bigint, bigint];
  return concatBytes(type, encodeRlp([...fields, fromNumber(signature[64] as number), fromNumber(r), fromNumber(s)]));
}

/** A log of `address` with 32-byte topics made from small numbers. */
export function testLog(address: Address, ...topics: number[]): Log {
  return { address, topics: topics.map(testTopic), data: Uint8Array.of(1, 2, 3) };
}

export function testTopic(value: number): Hash {
  const topic = ZERO_HASH.slice();
  topic[31] = value;
  return topic;
}
