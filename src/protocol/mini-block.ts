import { type Bytes, fromText } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { SIGNATURE_BYTES, type Signature } from '../util/signature.ts';
import type { BlockEnvironment } from './block-header.ts';
import { MAX_BODY_PAYLOAD_BYTES, MAX_DIFF_PAYLOAD_BYTES, MAX_MESSAGE_ITEMS, MAX_MINI_BLOCK_TRANSACTIONS } from './limits.ts';
import { packPayload, unpackPayload } from './payload.ts';
import type { Address, Hash } from './primitives.ts';
import { decodeReceipt, encodeReceipt, type Receipt } from './receipt.ts';
import { asBigInt, asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from './rlp.ts';
import type { Signer } from './signing.ts';

/**
 * Envelope versions, append-only:
 * - 1 (2026-11): first
 */
export const MINI_BLOCK_VERSION = 1;
const DOMAIN = fromText('strobe/mini-block/1');

/** Everything that the sequencer signs of a mini-block (PROTOCOL section 2). */
export interface MiniBlockEnvelope {
  readonly version: number;
  readonly genesisHash: Hash;
  readonly chainId: number;
  /** Fencing term of the sequencer. */
  readonly epoch: number;
  /** Position in the chain of mini-blocks, from 1, without gaps. */
  readonly number: number;
  /** Digest of mini-block `number - 1`; the genesis hash for number 1. */
  readonly parentDigest: Hash;
  readonly blockNumber: number;
  /** Position in the EVM block, from 0. */
  readonly index: number;
  /** µs since 1970, strictly increasing. */
  readonly timestampUs: number;
  /** Only at index 0. */
  readonly env: BlockEnvironment | undefined;
  readonly transactionsDigest: Hash;
  readonly receiptsDigest: Hash;
  readonly stateDiffDigest: Hash;
  readonly diffPayloadDigest: Hash;
  readonly bodyPayloadDigest: Hash;
  readonly signature: Signature;
}

export type UnsignedMiniBlock = Omit<MiniBlockEnvelope, 'signature'>;

/** A mini-block as it travels and lies in the log. */
export interface MiniBlock {
  readonly envelope: MiniBlockEnvelope;
  readonly digest: Hash;
  /** Compact state diff (see DiffCodec). */
  readonly diffPayload: Bytes;
  readonly bodyPayload: Bytes;
}

export interface BodyTransaction {
  readonly raw: Bytes;
  /** Claimed by the sequencer and checked by provers, so that a replica recovers no signature. */
  readonly sender: Address;
}

export interface MiniBlockBody {
  readonly transactions: readonly BodyTransaction[];
  /** One per transaction. */
  readonly receipts: readonly Receipt[];
}

/** `keccak256(rlp(["strobe/mini-block/1", …fields]))`. */
export function miniBlockDigest(envelope: UnsignedMiniBlock): Hash {
  return keccak256(encodeRlp([DOMAIN, ...unsignedFields(envelope)]));
}

function unsignedFields(envelope: UnsignedMiniBlock): RlpItem[] {
  const { env } = envelope;
  return [
    fromNumber(envelope.version),
    envelope.genesisHash,
    fromNumber(envelope.chainId),
    fromNumber(envelope.epoch),
    fromNumber(envelope.number),
    envelope.parentDigest,
    fromNumber(envelope.blockNumber),
    fromNumber(envelope.index),
    fromNumber(envelope.timestampUs),
    env === undefined ? [] : encodeEnvironment(env),
    envelope.transactionsDigest,
    envelope.receiptsDigest,
    envelope.stateDiffDigest,
    envelope.diffPayloadDigest,
    envelope.bodyPayloadDigest,
  ];
}

function encodeEnvironment(env: BlockEnvironment): RlpItem {
  return [
    env.parentHash,
    fromNumber(env.timestamp),
    fromNumber(env.baseFeePerGas),
    fromNumber(env.gasLimit),
    env.coinbase,
    env.prevRandao,
  ];
}

export function signMiniBlock(unsigned: UnsignedMiniBlock, signer: Signer): { envelope: MiniBlockEnvelope; digest: Hash } {
  const digest = miniBlockDigest(unsigned);
  return { envelope: { ...unsigned, signature: signer.sign(digest) }, digest };
}

export function encodeMiniBlock(miniBlock: MiniBlock): Bytes {
  const { envelope, diffPayload, bodyPayload } = miniBlock;
  return encodeRlp([[...unsignedFields(envelope), envelope.signature], diffPayload, bodyPayload]);
}

/**
 * Decodes and checks what needs no state: shape, bounds and payload digests. The signature is the caller's to check.
 * @throws StrobeError INVALID_RLP, INVALID_MINI_BLOCK, VERSION_NOT_SUPPORTED
 */
export function decodeMiniBlock(bytes: Bytes): MiniBlock {
  const miniBlock = decodeCheckedMiniBlock(bytes);
  const { envelope, diffPayload, bodyPayload } = miniBlock;
  assertDigest(diffPayload, 'diffPayload', envelope.diffPayloadDigest);
  assertDigest(bodyPayload, 'bodyPayload', envelope.bodyPayloadDigest);
  return miniBlock;
}

/** As {@link decodeMiniBlock}, of bytes that this node has checked before: the payloads' digests are not compared again. */
export function decodeCheckedMiniBlock(bytes: Bytes): MiniBlock {
  const [envelopeItem, diffItem, bodyItem] = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'mini-block', 3);
  const envelope = decodeEnvelope(envelopeItem);
  const diffPayload = boundedPayload(diffItem, 'diffPayload', MAX_DIFF_PAYLOAD_BYTES);
  const bodyPayload = boundedPayload(bodyItem, 'bodyPayload', MAX_BODY_PAYLOAD_BYTES);
  return { envelope, digest: miniBlockDigest(envelope), diffPayload, bodyPayload };
}

function boundedPayload(item: RlpItem | undefined, name: string, maxBytes: number): Bytes {
  const payload = asBytes(item, name);
  if (payload.length > maxBytes) throw invalid(`${name} is above ${maxBytes} bytes`);
  return payload;
}

function assertDigest(payload: Bytes, name: string, digest: Hash): void {
  if (Buffer.compare(keccak256(payload), digest) !== 0) throw invalid(`${name} does not match its digest`);
}

function decodeEnvelope(item: RlpItem | undefined): MiniBlockEnvelope {
  const fields = asList(item, 'envelope', 16);
  const version = asNumber(fields[0], 'version');
  if (version !== MINI_BLOCK_VERSION) {
    throw new StrobeError('VERSION_NOT_SUPPORTED', 'unknown mini-block version', { version });
  }
  const blockNumber = asNumber(fields[6], 'blockNumber');
  const index = asNumber(fields[7], 'index');
  const env = decodeEnvironment(fields[9], blockNumber);
  if ((env !== undefined) !== (index === 0)) throw invalid('env belongs to index 0 and only there');
  const number = asNumber(fields[4], 'number');
  if (number === 0 || blockNumber === 0) throw invalid('numbers start at 1');
  return {
    version,
    genesisHash: asBytes(fields[1], 'genesisHash', 32),
    chainId: asNumber(fields[2], 'chainId'),
    epoch: asNumber(fields[3], 'epoch'),
    number,
    parentDigest: asBytes(fields[5], 'parentDigest', 32),
    blockNumber,
    index,
    timestampUs: asNumber(fields[8], 'timestampUs'),
    env,
    transactionsDigest: asBytes(fields[10], 'transactionsDigest', 32),
    receiptsDigest: asBytes(fields[11], 'receiptsDigest', 32),
    stateDiffDigest: asBytes(fields[12], 'stateDiffDigest', 32),
    diffPayloadDigest: asBytes(fields[13], 'diffPayloadDigest', 32),
    bodyPayloadDigest: asBytes(fields[14], 'bodyPayloadDigest', 32),
    signature: asBytes(fields[15], 'signature', SIGNATURE_BYTES),
  };
}

function decodeEnvironment(item: RlpItem | undefined, number: number): BlockEnvironment | undefined {
  const fields = asList(item, 'env');
  if (fields.length === 0) return undefined;
  asList(item, 'env', 6);
  return {
    number,
    parentHash: asBytes(fields[0], 'env parentHash', 32),
    timestamp: Number(asBigInt(fields[1], 'env timestamp', 6)),
    baseFeePerGas: asBigInt(fields[2], 'env baseFeePerGas'),
    gasLimit: asBigInt(fields[3], 'env gasLimit', 8),
    coinbase: asBytes(fields[4], 'env coinbase', 20),
    prevRandao: asBytes(fields[5], 'env prevRandao', 32),
  };
}

/** Payload and the two digests of a body; everything is encoded once. */
export function encodeBody(body: MiniBlockBody): { payload: Bytes; transactionsDigest: Hash; receiptsDigest: Hash } {
  const transactions = encodeRlp(body.transactions.map((transaction) => [transaction.raw, transaction.sender]));
  const receipts = encodeRlp(body.receipts.map(encodeReceipt));
  return {
    payload: packPayload(encodeRlp([transactions, receipts])),
    transactionsDigest: keccak256(transactions),
    receiptsDigest: keccak256(receipts),
  };
}

/** A body whose receipts are still encoded. */
export interface RawBody {
  readonly transactions: readonly BodyTransaction[];
  /** Consensus encoding, one per transaction. */
  readonly receipts: readonly Bytes[];
}

/**
 * Decodes a body payload and checks it against the digests of its envelope.
 * @throws StrobeError INVALID_PAYLOAD, INVALID_RLP, INVALID_RECEIPT, INVALID_MINI_BLOCK
 */
export function decodeBody(
  payload: Bytes,
  digests: Pick<MiniBlockEnvelope, 'transactionsDigest' | 'receiptsDigest'>,
): MiniBlockBody {
  const { transactions, receipts } = decodeRawBody(payload, digests);
  return { transactions, receipts: receipts.map(decodeReceipt) };
}

/** As {@link decodeBody}, for those who need the receipts' bytes alone. */
export function decodeRawBody(
  payload: Bytes,
  digests: Pick<MiniBlockEnvelope, 'transactionsDigest' | 'receiptsDigest'>,
): RawBody {
  const [transactionsItem, receiptsItem] = asList(decodeRlp(unpackPayload(payload)), 'body', 2);
  const transactionsBytes = asBytes(transactionsItem, 'transactions');
  const receiptsBytes = asBytes(receiptsItem, 'receipts');
  if (Buffer.compare(keccak256(transactionsBytes), digests.transactionsDigest) !== 0) {
    throw invalid('transactions do not match transactionsDigest');
  }
  if (Buffer.compare(keccak256(receiptsBytes), digests.receiptsDigest) !== 0) {
    throw invalid('receipts do not match receiptsDigest');
  }
  const transactions = asList(decodeRlp(transactionsBytes), 'transactions').map((item): BodyTransaction => {
    const [raw, sender] = asList(item, 'body transaction', 2);
    return { raw: asBytes(raw, 'raw transaction'), sender: asBytes(sender, 'sender', 20) };
  });
  const receipts = asList(decodeRlp(receiptsBytes), 'receipts').map((item) => asBytes(item, 'receipt'));
  if (receipts.length !== transactions.length) throw invalid('there is not one receipt per transaction');
  if (transactions.length > MAX_MINI_BLOCK_TRANSACTIONS) throw invalid('too many transactions');
  return { transactions, receipts };
}

function invalid(message: string): StrobeError<'INVALID_MINI_BLOCK'> {
  return new StrobeError('INVALID_MINI_BLOCK', message);
}
