import { type Bytes, bytesEqual, EMPTY_BYTES, fromText } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { MAX_MESSAGE_ITEMS } from './limits.ts';
import { type Address, EMPTY_LIST_HASH, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from './primitives.ts';
import { BLOOM_BYTES } from './receipt.ts';
import { asBigInt, asBytes, asList, decodeRlp, encodeRlp, fromNumber } from './rlp.ts';

/** The variable fields of a Prague header; the others are constants here (no ommers, withdrawals, blobs or requests). */
export interface BlockHeader {
  readonly parentHash: Hash;
  readonly coinbase: Address;
  readonly stateRoot: Hash;
  readonly transactionsRoot: Hash;
  readonly receiptsRoot: Hash;
  readonly logsBloom: Bytes;
  readonly number: number;
  readonly gasLimit: bigint;
  readonly gasUsed: bigint;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly extraData: Bytes;
  readonly prevRandao: Hash;
  /** Wei per gas. */
  readonly baseFeePerGas: bigint;
}

/** What an EVM block gives its transactions, fixed when the block opens. */
export interface BlockEnvironment {
  readonly number: number;
  readonly parentHash: Hash;
  /** Seconds since 1970. */
  readonly timestamp: number;
  readonly baseFeePerGas: bigint;
  readonly gasLimit: bigint;
  readonly coinbase: Address;
  readonly prevRandao: Hash;
}

const NONCE = new Uint8Array(8);
/** Longest extraData (Yellow Paper, section 4.3.4). */
const MAX_EXTRA_DATA_BYTES = 32;
/** The header fields of a block without blobs, withdrawals and beacon root (EIP-4844, 4895, 4788). */
const FIELD_COUNT = 21;

export function encodeHeader(header: BlockHeader): Bytes {
  return encodeRlp([
    header.parentHash,
    EMPTY_LIST_HASH,
    header.coinbase,
    header.stateRoot,
    header.transactionsRoot,
    header.receiptsRoot,
    header.logsBloom,
    EMPTY_BYTES,
    fromNumber(header.number),
    fromNumber(header.gasLimit),
    fromNumber(header.gasUsed),
    fromNumber(header.timestamp),
    header.extraData,
    header.prevRandao,
    NONCE,
    fromNumber(header.baseFeePerGas),
    EMPTY_TRIE_ROOT,
    EMPTY_BYTES,
    EMPTY_BYTES,
    ZERO_HASH,
    EMPTY_REQUESTS_HASH,
  ]);
}

/** @throws StrobeError INVALID_RLP, INVALID_HEADER when a constant field has another value, or extraData is too long */
export function decodeHeader(bytes: Bytes): BlockHeader {
  const fields = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'header', FIELD_COUNT);
  const header: BlockHeader = {
    parentHash: asBytes(fields[0], 'parentHash', 32),
    coinbase: asBytes(fields[2], 'coinbase', 20),
    stateRoot: asBytes(fields[3], 'stateRoot', 32),
    transactionsRoot: asBytes(fields[4], 'transactionsRoot', 32),
    receiptsRoot: asBytes(fields[5], 'receiptsRoot', 32),
    logsBloom: asBytes(fields[6], 'logsBloom', BLOOM_BYTES),
    number: Number(asBigInt(fields[8], 'number', 6)),
    gasLimit: asBigInt(fields[9], 'gasLimit', 8),
    gasUsed: asBigInt(fields[10], 'gasUsed', 8),
    timestamp: Number(asBigInt(fields[11], 'timestamp', 6)),
    extraData: asBytes(fields[12], 'extraData'),
    prevRandao: asBytes(fields[13], 'prevRandao', 32),
    baseFeePerGas: asBigInt(fields[15], 'baseFeePerGas'),
  };
  if (header.extraData.length > MAX_EXTRA_DATA_BYTES) throw invalid('extraData is above 32 bytes');
  // Encoding again puts the constants in: any other value of theirs shows as a difference.
  if (!bytesEqual(encodeHeader(header), bytes)) throw invalid('a constant header field differs');
  return header;
}

function invalid(message: string): StrobeError<'INVALID_HEADER'> {
  return new StrobeError('INVALID_HEADER', message);
}

export function hashHeader(header: BlockHeader): Hash {
  return keccak256(encodeHeader(header));
}

const ELASTICITY_MULTIPLIER = 2n;
const BASE_FEE_MAX_CHANGE_DENOMINATOR = 8n;

/** EIP-1559 base fee of the block after `parent`, never below `floorWei`. */
export function nextBaseFee(parent: Pick<BlockHeader, 'baseFeePerGas' | 'gasUsed' | 'gasLimit'>, floorWei: bigint): bigint {
  const target = parent.gasLimit / ELASTICITY_MULTIPLIER;
  const { baseFeePerGas: base, gasUsed } = parent;
  let next = base;
  if (gasUsed > target) {
    const delta = (base * (gasUsed - target)) / target / BASE_FEE_MAX_CHANGE_DENOMINATOR;
    next = base + (delta > 0n ? delta : 1n);
  } else if (gasUsed < target) {
    next = base - (base * (target - gasUsed)) / target / BASE_FEE_MAX_CHANGE_DENOMINATOR;
  }
  return next < floorWei ? floorWei : next;
}

/** PREVRANDAO of a block: predictable, as documented (PROTOCOL section 2). */
export function prevRandaoOf(parentHash: Hash, number: number): Hash {
  return keccak256(encodeRlp([fromText('strobe/prev-randao/1'), parentHash, fromNumber(number)]));
}
