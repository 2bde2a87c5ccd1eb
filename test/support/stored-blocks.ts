import { hashHeader } from '../../src/protocol/block-header.ts';
import { encodeSequencerMessage } from '../../src/protocol/log-record.ts';
import { encodeBody, MINI_BLOCK_VERSION, type MiniBlock, miniBlockDigest } from '../../src/protocol/mini-block.ts';
import type { LogEntry } from '../../src/protocol/ports/log.ts';
import type { Hash } from '../../src/protocol/primitives.ts';
import { type Log, logsBloom } from '../../src/protocol/receipt.ts';
import type { BlockRecord } from '../../src/store/block-record.ts';
import { type Bytes, bigIntToBytes32, concatBytes } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { SIGNATURE_BYTES } from '../../src/util/signature.ts';

/** A block with everything that the database keeps of it; its contents mean nothing. */
export interface MadeUpBlock {
  readonly record: BlockRecord;
  readonly hash: Hash;
  readonly miniBlocks: readonly MiniBlock[];
  readonly transactionHashes: readonly Hash[];
  readonly diff: undefined;
}

const MINI_BLOCKS_PER_BLOCK = 2;
const HASH = new Uint8Array(32);
const ADDRESS = new Uint8Array(20);
const SIGNATURE = new Uint8Array(SIGNATURE_BYTES);

/** Some bytes that only the transaction at this place has. */
const rawTransaction = (miniBlock: number, index: number): Uint8Array =>
  concatBytes(Uint8Array.of(0xc0), bigIntToBytes32(BigInt(miniBlock)), bigIntToBytes32(BigInt(index)));

/**
 * Block `number` of a chain in which all blocks have as many mini-blocks, and all mini-blocks as many transactions.
 * @param logs of the first transaction of each mini-block
 * @param raw what every transaction is, when they are to be decoded
 */
export function madeUpBlock(number: number, transactions: number, logs: readonly Log[] = [], raw?: Bytes): MadeUpBlock {
  const firstNumber = (number - 1) * MINI_BLOCKS_PER_BLOCK + 1;
  const numbers = Array.from({ length: MINI_BLOCKS_PER_BLOCK }, (_, i) => firstNumber + i);
  const header = {
    parentHash: HASH,
    coinbase: ADDRESS,
    stateRoot: HASH,
    transactionsRoot: HASH,
    receiptsRoot: HASH,
    logsBloom: logsBloom(logs),
    number,
    gasLimit: 1n,
    gasUsed: 1n,
    timestamp: number,
    extraData: new Uint8Array(0),
    prevRandao: HASH,
    baseFeePerGas: 1n,
  };
  const seal = {
    genesisHash: HASH,
    epoch: 1,
    header,
    firstNumber,
    lastNumber: firstNumber + MINI_BLOCKS_PER_BLOCK - 1,
    lastDigest: HASH,
    stateDiffDigest: HASH,
    registryDigest: HASH,
    witnessDigest: HASH,
    witnessBytes: 1,
    signature: SIGNATURE,
  };
  const starts = numbers.map((_, i) => ({ transactionIndex: i * transactions, gasUsed: 0n, logIndex: 0 }));
  const raws = numbers.flatMap((miniBlock) => Array.from({ length: transactions }, (_, i) => rawTransaction(miniBlock, i)));
  return {
    record: { seal, sizeBytes: 1, starts },
    hash: hashHeader(header),
    miniBlocks: numbers.map((miniBlock, index) =>
      madeUpMiniBlock(miniBlock, { blockNumber: number, index, transactions, logs, raw }),
    ),
    transactionHashes: raws.map(keccak256),
    diff: undefined,
  };
}

interface MiniBlockPlan {
  readonly blockNumber: number;
  readonly index: number;
  readonly transactions: number;
  readonly logs: readonly Log[];
  readonly raw: Bytes | undefined;
}

function madeUpMiniBlock(number: number, { blockNumber, index, transactions, logs, raw }: MiniBlockPlan): MiniBlock {
  const { payload, transactionsDigest, receiptsDigest } = encodeBody({
    transactions: Array.from({ length: transactions }, (_, i) => ({ raw: raw ?? rawTransaction(number, i), sender: ADDRESS })),
    receipts: Array.from({ length: transactions }, (_, i) => ({
      type: 0 as const,
      status: 1 as const,
      cumulativeGasUsed: 1n,
      logs: i === 0 ? logs : [],
    })),
  });
  const diffPayload = Uint8Array.of(0);
  const environment = {
    number: blockNumber,
    parentHash: HASH,
    timestamp: blockNumber,
    baseFeePerGas: 1n,
    gasLimit: 1n,
    coinbase: ADDRESS,
    prevRandao: HASH,
  };
  const envelope = {
    version: MINI_BLOCK_VERSION,
    genesisHash: HASH,
    chainId: 1,
    epoch: 1,
    number,
    parentDigest: HASH,
    blockNumber,
    index,
    timestampUs: number,
    env: index === 0 ? environment : undefined,
    transactionsDigest,
    receiptsDigest,
    stateDiffDigest: HASH,
    diffPayloadDigest: keccak256(diffPayload),
    bodyPayloadDigest: keccak256(payload),
    signature: SIGNATURE,
  };
  return { envelope, digest: miniBlockDigest(envelope), diffPayload, bodyPayload: payload };
}

/** A mini-block as it lies in the log. */
export function entryOf(miniBlock: MiniBlock): LogEntry {
  return { number: miniBlock.envelope.number, bytes: encodeSequencerMessage({ kind: 'miniBlock', miniBlock }) };
}
