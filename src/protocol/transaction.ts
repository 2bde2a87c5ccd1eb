import { type Bytes, concatBytes, EMPTY_BYTES } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { isHighS, joinSignature, type Signature } from '../util/signature.ts';
import { MAX_TRANSACTION_BYTES } from './limits.ts';
import type { Address, Hash } from './primitives.ts';
import { asBigInt, asBytes, asList, decodeRlp, encodeRlp, fromNumber, invalidRlp, type RlpItem } from './rlp.ts';

export type TransactionType = 0 | 1 | 2 | 4;

export interface AccessListEntry {
  readonly address: Address;
  readonly storageKeys: readonly Hash[];
}

/** EIP-7702 authorization tuple as it was signed. */
export interface Authorization {
  readonly chainId: bigint;
  readonly address: Address;
  readonly nonce: bigint;
  readonly yParity: number;
  readonly r: bigint;
  readonly s: bigint;
}

/** What a transaction does and pays, whoever signs it; fees in wei per gas. */
export interface TransactionFields {
  readonly nonce: bigint;
  /** `gasPrice` for types 0 and 1. */
  readonly maxFeePerGas: bigint;
  /** `gasPrice` for types 0 and 1. */
  readonly maxPriorityFeePerGas: bigint;
  readonly gasLimit: bigint;
  /** Absent: contract creation. */
  readonly to: Address | undefined;
  readonly value: bigint;
  readonly data: Bytes;
  readonly accessList: readonly AccessListEntry[];
  readonly authorizationList: readonly Authorization[];
}

/** A signed transaction, decoded; fees in wei per gas. */
export interface Transaction extends TransactionFields {
  readonly type: TransactionType;
  /** The exact bytes that were signed and travel. */
  readonly raw: Bytes;
  readonly hash: Hash;
  /** Absent only in a legacy transaction without replay protection (EIP-155). */
  readonly chainId: bigint | undefined;
  readonly r: bigint;
  readonly s: bigint;
  readonly yParity: number;
  /** The `v` of legacy transactions as signed; yParity for the others. */
  readonly v: bigint;
  /** What the sender signed: with {@link Transaction.signature} it recovers the sender. */
  readonly signingHash: Hash;
  readonly signature: Signature;
}

/** Field counts with signature, by type (EIP-2718 payloads). */
const FIELD_COUNT = { 0: 9, 1: 11, 2: 12, 4: 13 } as const;

/**
 * Decodes a signed transaction of type 0, 1, 2 or 4 strictly (canonical RLP, low s, bounded fields).
 * @throws StrobeError INVALID_RLP, INVALID_TRANSACTION, TRANSACTION_TYPE_NOT_SUPPORTED, TRANSACTION_TOO_LARGE
 */
export function decodeTransaction(raw: Bytes): Transaction {
  if (raw.length === 0) throw invalid('the transaction is empty');
  const decode = decoderOf(raw[0] as number);
  if (raw.length > MAX_TRANSACTION_BYTES) {
    throw new StrobeError('TRANSACTION_TOO_LARGE', 'oversized data', { bytes: raw.length, maxBytes: MAX_TRANSACTION_BYTES });
  }
  return decode(raw);
}

/** By the first byte; asked before the length, since one with blobs is always too long and should be told that it has blobs. */
function decoderOf(first: number): (raw: Bytes) => Transaction {
  if (first >= 0xc0) return decodeLegacy;
  if (first === 1) return decodeAccessList;
  if (first === 2) return decodeFeeMarket;
  if (first === 4) return decodeSetCode;
  throw new StrobeError('TRANSACTION_TYPE_NOT_SUPPORTED', 'transaction type not supported', { type: first });
}

function decodeLegacy(raw: Bytes): Transaction {
  const fields = asList(decodeRlp(raw), 'transaction', FIELD_COUNT[0]);
  const [nonce, gasPrice, gasLimit, to, value, data] = fields;
  const v = asBigInt(fields[6], 'v');
  const { chainId, yParity } = legacyParity(v);
  const unsigned = fields.slice(0, 6);
  const signed = chainId === undefined ? unsigned : [...unsigned, fromNumber(chainId), EMPTY_BYTES, EMPTY_BYTES];
  const price = asBigInt(gasPrice, 'gasPrice');
  return {
    ...common({ type: 0, raw, chainId, nonce, gasLimit, to, value, data }),
    maxFeePerGas: price,
    maxPriorityFeePerGas: price,
    accessList: [],
    authorizationList: [],
    ...signatureParts(fields[7], fields[8], yParity),
    v,
    signingHash: keccak256(encodeRlp(signed)),
  };
}

/** EIP-155: v is 27 or 28, or 35 + 2 · chainId + parity. */
function legacyParity(v: bigint): { chainId: bigint | undefined; yParity: number } {
  if (v === 27n || v === 28n) return { chainId: undefined, yParity: Number(v - 27n) };
  if (v < 35n) throw invalid('v is neither 27, 28 nor of EIP-155');
  return { chainId: (v - 35n) / 2n, yParity: Number((v - 35n) % 2n) };
}

function decodeAccessList(raw: Bytes): Transaction {
  const fields = asList(decodeRlp(raw.subarray(1)), 'transaction', FIELD_COUNT[1]);
  const [chainId, nonce, gasPrice, gasLimit, to, value, data, accessList] = fields;
  const price = asBigInt(gasPrice, 'gasPrice');
  return {
    ...common({ type: 1, raw, chainId: asBigInt(chainId, 'chainId'), nonce, gasLimit, to, value, data }),
    maxFeePerGas: price,
    maxPriorityFeePerGas: price,
    accessList: decodeAccessEntries(accessList),
    authorizationList: [],
    ...typedSignature(fields, 8, 1),
  };
}

function decodeFeeMarket(raw: Bytes): Transaction {
  const fields = asList(decodeRlp(raw.subarray(1)), 'transaction', FIELD_COUNT[2]);
  return { ...decodeDynamicFee(raw, fields, 2), authorizationList: [], ...typedSignature(fields, 9, 2) };
}

function decodeSetCode(raw: Bytes): Transaction {
  const fields = asList(decodeRlp(raw.subarray(1)), 'transaction', FIELD_COUNT[4]);
  const authorizationList = asList(fields[9], 'authorizationList').map(decodeAuthorization);
  if (authorizationList.length === 0) throw invalid('EIP-7702 transaction with empty auth list');
  if (asBytes(fields[5], 'to').length === 0) throw invalid('EIP-7702 transaction cannot be used to create contract');
  return { ...decodeDynamicFee(raw, fields, 4), authorizationList, ...typedSignature(fields, 10, 4) };
}

function decodeDynamicFee(raw: Bytes, fields: readonly RlpItem[], type: 2 | 4) {
  const [chainId, nonce, priority, maxFee, gasLimit, to, value, data, accessList] = fields;
  const maxPriorityFeePerGas = asBigInt(priority, 'maxPriorityFeePerGas');
  const maxFeePerGas = asBigInt(maxFee, 'maxFeePerGas');
  if (maxPriorityFeePerGas > maxFeePerGas) {
    throw new StrobeError(
      'INVALID_TRANSACTION',
      `max priority fee per gas higher than max fee per gas: maxPriorityFeePerGas: ${maxPriorityFeePerGas}, maxFeePerGas: ${maxFeePerGas}`,
    );
  }
  return {
    ...common({ type, raw, chainId: asBigInt(chainId, 'chainId'), nonce, gasLimit, to, value, data }),
    maxFeePerGas,
    maxPriorityFeePerGas,
    accessList: decodeAccessEntries(accessList),
  };
}

interface CommonItems {
  type: TransactionType;
  raw: Bytes;
  chainId: bigint | undefined;
  nonce: RlpItem | undefined;
  gasLimit: RlpItem | undefined;
  to: RlpItem | undefined;
  value: RlpItem | undefined;
  data: RlpItem | undefined;
}

function common(items: CommonItems) {
  const to = asBytes(items.to, 'to');
  if (to.length !== 0 && to.length !== 20) throw invalidRlp('to is neither empty nor 20 bytes');
  const nonce = asBigInt(items.nonce, 'nonce', 8);
  if (nonce === 0xffff_ffff_ffff_ffffn) throw invalid('nonce has max value');
  return {
    type: items.type,
    raw: items.raw,
    hash: keccak256(items.raw),
    chainId: items.chainId,
    nonce,
    gasLimit: asBigInt(items.gasLimit, 'gasLimit', 8),
    to: to.length === 0 ? undefined : to,
    value: asBigInt(items.value, 'value'),
    data: asBytes(items.data, 'data'),
  };
}

/** Signature fields start at `at`; the signed payload is the type byte and every field before them. */
function typedSignature(fields: readonly RlpItem[], at: number, type: number) {
  const yParity = asBigInt(fields[at], 'yParity');
  if (yParity > 1n) throw invalid('yParity is 0 or 1');
  return {
    ...signatureParts(fields[at + 1], fields[at + 2], Number(yParity)),
    v: yParity,
    signingHash: keccak256(concatBytes(Uint8Array.of(type), encodeRlp(fields.slice(0, at)))),
  };
}

function signatureParts(rItem: RlpItem | undefined, sItem: RlpItem | undefined, yParity: number) {
  const r = asBigInt(rItem, 'r');
  const s = asBigInt(sItem, 's');
  const signature = joinSignature(asBytes(rItem, 'r'), asBytes(sItem, 's'), yParity);
  if (r === 0n || s === 0n || isHighS(signature.subarray(32, 64))) throw invalid('invalid transaction v, r, s values');
  return { r, s, yParity, signature };
}

function decodeAccessEntries(item: RlpItem | undefined): AccessListEntry[] {
  return asList(item, 'accessList').map((entry) => {
    const [address, keys] = asList(entry, 'access list entry', 2);
    const storageKeys = asList(keys, 'storageKeys').map((key) => asBytes(key, 'storage key', 32));
    return { address: asBytes(address, 'access list address', 20), storageKeys };
  });
}

function decodeAuthorization(item: RlpItem): Authorization {
  const [chainId, address, nonce, yParity, r, s] = asList(item, 'authorization', 6);
  return {
    chainId: asBigInt(chainId, 'authorization chainId'),
    address: asBytes(address, 'authorization address', 20),
    nonce: asBigInt(nonce, 'authorization nonce', 8),
    yParity: Number(asBigInt(yParity, 'authorization yParity', 1)),
    r: asBigInt(r, 'authorization r'),
    s: asBigInt(s, 'authorization s'),
  };
}

/** Wei per gas that the sender pays at `baseFeePerGas` (EIP-1559). */
export function effectiveGasPrice(
  transaction: Pick<Transaction, 'maxFeePerGas' | 'maxPriorityFeePerGas'>,
  baseFeePerGas: bigint,
): bigint {
  const capped = baseFeePerGas + transaction.maxPriorityFeePerGas;
  return capped < transaction.maxFeePerGas ? capped : transaction.maxFeePerGas;
}

function invalid(message: string): StrobeError<'INVALID_TRANSACTION'> {
  return new StrobeError('INVALID_TRANSACTION', message);
}
