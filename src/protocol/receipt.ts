import { type Bytes, bytesEqual, concatBytes, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import type { Address, Hash } from './primitives.ts';
import { asBigInt, asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from './rlp.ts';
import type { TransactionType } from './transaction.ts';

export const BLOOM_BYTES = 256;

export interface Log {
  readonly address: Address;
  readonly topics: readonly Hash[];
  readonly data: Bytes;
}

/** The consensus receipt (EIP-658, EIP-2718); the bloom follows from the logs. */
export interface Receipt {
  readonly type: TransactionType;
  readonly status: 0 | 1;
  /** Gas used in the EVM block up to and with this transaction. */
  readonly cumulativeGasUsed: bigint;
  readonly logs: readonly Log[];
}

/**
 * `type ‖ rlp([status, cumulativeGasUsed, bloom, logs])`, without the type byte for legacy; of any type, since simulated
 * transactions may carry blobs.
 */
export function encodeReceipt(receipt: Omit<Receipt, 'type'> & { readonly type: number }): Bytes {
  const payload = encodeRlp([
    fromNumber(receipt.status),
    fromNumber(receipt.cumulativeGasUsed),
    logsBloom(receipt.logs),
    receipt.logs.map((log) => [log.address, log.topics, log.data]),
  ]);
  return receipt.type === 0 ? payload : concatBytes(Uint8Array.of(receipt.type), payload);
}

/** @throws StrobeError INVALID_RLP, INVALID_RECEIPT */
export function decodeReceipt(bytes: Bytes): Receipt {
  const first = bytes[0];
  const type = first === 1 || first === 2 || first === 4 ? first : 0;
  const fields = asList(decodeRlp(type === 0 ? bytes : bytes.subarray(1)), 'receipt', 4);
  const status = asNumber(fields[0], 'status');
  if (status !== 0 && status !== 1) throw invalid('status is neither 0 nor 1');
  const cumulativeGasUsed = asBigInt(fields[1], 'cumulativeGasUsed', 8);
  const logs = asList(fields[3], 'logs').map(decodeLog);
  const bloom = asBytes(fields[2], 'bloom', BLOOM_BYTES);
  if (!bytesEqual(bloom, logsBloom(logs))) throw invalid('the bloom does not follow from the logs');
  return { type, status, cumulativeGasUsed, logs };
}

export interface ReceiptTotals {
  readonly bloom: Bytes;
  readonly cumulativeGasUsed: bigint;
  readonly logCount: number;
}

/**
 * What an encoded receipt adds to its block, without looking into its logs: for receipts that were checked, or made,
 * here.
 * @throws StrobeError INVALID_RLP
 */
export function receiptTotals(bytes: Bytes): ReceiptTotals {
  const [, gas, bloom, logs] = asList(decodeRlp(receiptPayload(bytes)), 'receipt', 4);
  return {
    bloom: asBytes(bloom, 'bloom', BLOOM_BYTES),
    cumulativeGasUsed: asBigInt(gas, 'cumulativeGasUsed', 8),
    logCount: asList(logs, 'logs').length,
  };
}

/**
 * The logs of an encoded receipt, without comparing them with its bloom: for receipts that were checked, or made, here.
 * @throws StrobeError INVALID_RLP, INVALID_RECEIPT
 */
export function receiptLogs(bytes: Bytes): Log[] {
  const fields = asList(decodeRlp(receiptPayload(bytes)), 'receipt', 4);
  return asList(fields[3], 'logs').map(decodeLog);
}

/** The RLP list of a receipt: typed ones have their type in front. */
function receiptPayload(bytes: Bytes): Bytes {
  return (bytes[0] ?? 0) < 0xc0 ? bytes.subarray(1) : bytes;
}

function decodeLog(item: RlpItem): Log {
  const [address, topics, data] = asList(item, 'log', 3);
  const topicItems = asList(topics, 'topics');
  if (topicItems.length > 4) throw invalid('a log has more than 4 topics');
  return {
    address: asBytes(address, 'log address', 20),
    topics: topicItems.map((topic) => asBytes(topic, 'topic', 32)),
    data: asBytes(data, 'log data'),
  };
}

/** The 2048-bit filter of addresses and topics (Yellow Paper, section 4.3.1). */
export function logsBloom(logs: readonly Log[]): Bytes {
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const log of logs) {
    addToBloom(bloom, log.address);
    for (const topic of log.topics) addToBloom(bloom, topic);
  }
  return bloom;
}

/**
 * Bit positions of addresses and topics seen before: a contract's events repeat them, and a receipt's bloom is asked
 * for when it is decoded, sealed and shown. A look-up costs a quarter of the hash. Emptied when it is full.
 */
const knownBits = new Map<string, readonly [number, number, number]>();
const MAX_KNOWN_BITS = 16_384;

function bloomBits(value: Bytes): readonly [number, number, number] {
  const key = toKey(value);
  let bits = knownBits.get(key);
  if (bits === undefined) {
    const hash = keccak256(value);
    const bit = (at: number): number => (((hash[at] as number) << 8) | (hash[at + 1] as number)) & 2047;
    bits = [bit(0), bit(2), bit(4)];
    if (knownBits.size >= MAX_KNOWN_BITS) knownBits.clear();
    knownBits.set(key, bits);
  }
  return bits;
}

function addToBloom(bloom: Bytes, value: Bytes): void {
  for (const bit of bloomBits(value)) {
    const index = BLOOM_BYTES - 1 - (bit >> 3);
    bloom[index] = (bloom[index] as number) | (1 << (bit & 7));
  }
}

/** ORs `bloom` into `target`. */
export function mergeBloom(target: Bytes, bloom: Bytes): void {
  for (let i = 0; i < BLOOM_BYTES; i++) target[i] = (target[i] as number) | (bloom[i] as number);
}

function invalid(message: string): StrobeError<'INVALID_RECEIPT'> {
  return new StrobeError('INVALID_RECEIPT', message);
}
