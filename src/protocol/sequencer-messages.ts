import { type Bytes, fromText } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { SIGNATURE_BYTES, type Signature } from '../util/signature.ts';
import { type BlockHeader, decodeHeader, encodeHeader, hashHeader } from './block-header.ts';
import { MAX_MESSAGE_ITEMS, MAX_WITNESS_CHUNKS, WITNESS_CHUNK_BYTES } from './limits.ts';
import type { Address, Hash } from './primitives.ts';
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from './rlp.ts';
import type { Signer } from './signing.ts';

/** Signed sign of life of the durable head; consumes no number (PROTOCOL section 2). */
export interface Heartbeat {
  readonly genesisHash: Hash;
  readonly epoch: number;
  /** Number and digest of the newest durable mini-block; 0 and the genesis hash before the first. */
  readonly number: number;
  readonly digest: Hash;
  /** µs since 1970. */
  readonly timestampUs: number;
  readonly signature: Signature;
}

/** Opens an epoch: numbering goes on at `lastNumber + 1` (PROTOCOL section 6). */
export interface EpochStart {
  readonly genesisHash: Hash;
  readonly epoch: number;
  readonly lastNumber: number;
  readonly lastDigest: Hash;
  readonly sequencerKey: Address;
  readonly signature: Signature;
}

/** Seals an EVM block; a pure function of the log (PROTOCOL section 5). */
export interface BlockSeal {
  readonly genesisHash: Hash;
  readonly epoch: number;
  readonly header: BlockHeader;
  /** Mini-block numbers of the block, both inclusive. */
  readonly firstNumber: number;
  readonly lastNumber: number;
  readonly lastDigest: Hash;
  /** Of the block's net diff. */
  readonly stateDiffDigest: Hash;
  readonly registryDigest: Hash;
  /** keccak256 over the chunk hashes, see {@link witnessDigest}. */
  readonly witnessDigest: Hash;
  readonly witnessBytes: number;
  readonly signature: Signature;
}

/** A piece of a block's witness, signed so that it can be checked before the seal arrives (PROTOCOL section 9). */
export interface WitnessChunk {
  readonly genesisHash: Hash;
  readonly blockNumber: number;
  readonly blockHash: Hash;
  /** keccak256 of every chunk in order: 256 KiB each, the last one shorter. */
  readonly chunkHashes: readonly Hash[];
  readonly index: number;
  readonly data: Bytes;
  readonly signature: Signature;
}

export type Unsigned<Message extends { signature: Signature }> = Omit<Message, 'signature'>;

function heartbeatFields(heartbeat: Unsigned<Heartbeat>): RlpItem[] {
  const { genesisHash, epoch, number, digest, timestampUs } = heartbeat;
  return [genesisHash, fromNumber(epoch), fromNumber(number), digest, fromNumber(timestampUs)];
}

export function heartbeatDigest(heartbeat: Unsigned<Heartbeat>): Hash {
  return keccak256(encodeRlp([fromText('strobe/heartbeat/1'), ...heartbeatFields(heartbeat)]));
}

export function encodeHeartbeat(heartbeat: Heartbeat): Bytes {
  return encodeRlp([...heartbeatFields(heartbeat), heartbeat.signature]);
}

/** @throws StrobeError INVALID_RLP */
export function decodeHeartbeat(bytes: Bytes): Heartbeat {
  const fields = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'heartbeat', 6);
  return {
    genesisHash: asBytes(fields[0], 'genesisHash', 32),
    epoch: asNumber(fields[1], 'epoch'),
    number: asNumber(fields[2], 'number'),
    digest: asBytes(fields[3], 'digest', 32),
    timestampUs: asNumber(fields[4], 'timestampUs'),
    signature: asBytes(fields[5], 'signature', SIGNATURE_BYTES),
  };
}

function epochStartFields(start: Unsigned<EpochStart>): RlpItem[] {
  return [start.genesisHash, fromNumber(start.epoch), fromNumber(start.lastNumber), start.lastDigest, start.sequencerKey];
}

export function epochStartDigest(start: Unsigned<EpochStart>): Hash {
  return keccak256(encodeRlp([fromText('strobe/epoch-start/1'), ...epochStartFields(start)]));
}

export function encodeEpochStart(start: EpochStart): Bytes {
  return encodeRlp([...epochStartFields(start), start.signature]);
}

/** @throws StrobeError INVALID_RLP */
export function decodeEpochStart(bytes: Bytes): EpochStart {
  const fields = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'epoch start', 6);
  return {
    genesisHash: asBytes(fields[0], 'genesisHash', 32),
    epoch: asNumber(fields[1], 'epoch'),
    lastNumber: asNumber(fields[2], 'lastNumber'),
    lastDigest: asBytes(fields[3], 'lastDigest', 32),
    sequencerKey: asBytes(fields[4], 'sequencerKey', 20),
    signature: asBytes(fields[5], 'signature', SIGNATURE_BYTES),
  };
}

function sealFields(seal: Unsigned<BlockSeal>): RlpItem[] {
  return [
    seal.genesisHash,
    fromNumber(seal.epoch),
    encodeHeader(seal.header),
    fromNumber(seal.firstNumber),
    fromNumber(seal.lastNumber),
    seal.lastDigest,
    seal.stateDiffDigest,
    seal.registryDigest,
    seal.witnessDigest,
    fromNumber(seal.witnessBytes),
  ];
}

export function blockSealDigest(seal: Unsigned<BlockSeal>): Hash {
  return keccak256(encodeRlp([fromText('strobe/block-seal/1'), ...sealFields(seal)]));
}

export function encodeBlockSeal(seal: BlockSeal): Bytes {
  return encodeRlp([...sealFields(seal), seal.signature]);
}

/** @throws StrobeError INVALID_RLP, INVALID_HEADER, INVALID_BLOCK_SEAL */
export function decodeBlockSeal(bytes: Bytes): BlockSeal {
  const fields = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'block seal', 11);
  const seal: BlockSeal = {
    genesisHash: asBytes(fields[0], 'genesisHash', 32),
    epoch: asNumber(fields[1], 'epoch'),
    header: decodeHeader(asBytes(fields[2], 'header')),
    firstNumber: asNumber(fields[3], 'firstNumber'),
    lastNumber: asNumber(fields[4], 'lastNumber'),
    lastDigest: asBytes(fields[5], 'lastDigest', 32),
    stateDiffDigest: asBytes(fields[6], 'stateDiffDigest', 32),
    registryDigest: asBytes(fields[7], 'registryDigest', 32),
    witnessDigest: asBytes(fields[8], 'witnessDigest', 32),
    witnessBytes: asNumber(fields[9], 'witnessBytes'),
    signature: asBytes(fields[10], 'signature', SIGNATURE_BYTES),
  };
  if (seal.firstNumber === 0 || seal.firstNumber > seal.lastNumber) {
    throw new StrobeError('INVALID_BLOCK_SEAL', 'the range of mini-blocks is empty');
  }
  return seal;
}

export function blockHashOf(seal: BlockSeal): Hash {
  return hashHeader(seal.header);
}

/** Cuts a witness into chunks of 256 KiB; an empty witness is one empty chunk. */
export function splitWitness(witness: Bytes): Bytes[] {
  const chunks: Bytes[] = [];
  for (let offset = 0; offset < witness.length || chunks.length === 0; offset += WITNESS_CHUNK_BYTES) {
    chunks.push(witness.subarray(offset, offset + WITNESS_CHUNK_BYTES));
  }
  return chunks;
}

/** What a seal commits to: `keccak256(rlp([chunkHash…]))`. */
export function witnessDigest(chunkHashes: readonly Hash[]): Hash {
  return keccak256(encodeRlp(chunkHashes));
}

/** What a chunk's signature covers: the chunk list of one block's witness. */
export function witnessChunkDigest(chunk: Omit<Unsigned<WitnessChunk>, 'index' | 'data'>): Hash {
  const { genesisHash, blockNumber, blockHash, chunkHashes } = chunk;
  return keccak256(encodeRlp([fromText('strobe/witness/1'), genesisHash, fromNumber(blockNumber), blockHash, chunkHashes]));
}

export function encodeWitnessChunk(chunk: WitnessChunk): Bytes {
  const { genesisHash, blockNumber, blockHash, chunkHashes, index, data, signature } = chunk;
  return encodeRlp([genesisHash, fromNumber(blockNumber), blockHash, chunkHashes, fromNumber(index), data, signature]);
}

/** Checks shape, bounds and that the data is the chunk it says. @throws StrobeError INVALID_RLP, INVALID_WITNESS_CHUNK */
export function decodeWitnessChunk(bytes: Bytes): WitnessChunk {
  const fields = asList(decodeRlp(bytes, MAX_MESSAGE_ITEMS), 'witness chunk', 7);
  const chunkHashes = asList(fields[3], 'chunkHashes').map((item) => asBytes(item, 'chunk hash', 32));
  const index = asNumber(fields[4], 'index');
  const data = asBytes(fields[5], 'data');
  const expected = chunkHashes[index];
  if (chunkHashes.length > MAX_WITNESS_CHUNKS) throw invalidChunk('too many chunks');
  if (expected === undefined) throw invalidChunk('the index is outside the chunk list');
  if (data.length > WITNESS_CHUNK_BYTES) throw invalidChunk('the chunk is above 256 KiB');
  if (Buffer.compare(keccak256(data), expected) !== 0) throw invalidChunk('the data does not match its hash');
  return {
    genesisHash: asBytes(fields[0], 'genesisHash', 32),
    blockNumber: asNumber(fields[1], 'blockNumber'),
    blockHash: asBytes(fields[2], 'blockHash', 32),
    chunkHashes,
    index,
    data,
    signature: asBytes(fields[6], 'signature', SIGNATURE_BYTES),
  };
}

function invalidChunk(message: string): StrobeError<'INVALID_WITNESS_CHUNK'> {
  return new StrobeError('INVALID_WITNESS_CHUNK', message);
}

/** Signs the digest of a message and puts the signature in. */
export function withSignature<Message>(message: Message, digest: Hash, signer: Signer): Message & { signature: Signature } {
  return { ...message, signature: signer.sign(digest) };
}
