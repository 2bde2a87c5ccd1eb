import { decodeLogRecord, type LogRecord } from '../protocol/log-record.ts';
import type { DaCommitment } from '../protocol/ports/da.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type BlockSeal, blockHashOf } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';
import { TurnSlice } from '../util/turn-slice.ts';
import { decodeBatch } from './batch.ts';

/** Other work waits as long for the check of records, about a megabyte of them. */
const SLICE_MS = 5;

/** What has to come next, read from the end: each record names the one in front of it. */
interface Expected {
  block: number;
  blockHash: Hash;
  miniBlock: number;
  digest: Hash;
  /** First mini-block of the block that is being read. */
  firstOfBlock: number;
}

/**
 * Checks that `batch` holds every record of its blocks and ends with the seal of `own`, this chain's block at its last
 * number: digests and hashes bind all that came before. Somebody else may have posted it.
 * @throws StrobeError DA_BATCH_MISMATCH when it ends with a block of another chain, INVALID_DA_BATCH when it is not whole, and
 * VERSION_NOT_SUPPORTED
 */
export async function assertHolds(batch: Bytes, posted: DaCommitment, own: BlockSeal | undefined): Promise<void> {
  const records = decodeBatch(batch);
  const last = lastSeal(records, posted);
  if (last === undefined || own === undefined || !bytesEqual(blockHashOf(last), blockHashOf(own))) {
    const { firstBlock, lastBlock } = posted;
    const message = 'a posted batch does not hold the blocks of this chain';
    throw new StrobeError('DA_BATCH_MISMATCH', message, { firstBlock, lastBlock });
  }
  const expected: Expected = {
    ...{ block: posted.lastBlock, blockHash: blockHashOf(own), miniBlock: own.lastNumber, digest: own.lastDigest },
    firstOfBlock: own.lastNumber + 1,
  };
  const slice = new TurnSlice(SLICE_MS);
  for (const record of records.reverse()) {
    if (!takes(expected, decode(record, posted))) throw notWhole(posted);
    const turn = slice.pause();
    if (turn !== undefined) await turn;
  }
  const isWhole = expected.block === posted.firstBlock - 1 && expected.miniBlock === expected.firstOfBlock - 1;
  if (!isWhole) throw notWhole(posted);
}

function lastSeal(records: readonly Bytes[], posted: DaCommitment): BlockSeal | undefined {
  const bytes = records.at(-1);
  const record = bytes && decode(bytes, posted);
  return record?.kind === 'blockSeal' ? record.blockSeal : undefined;
}

/** True when the record is the one in front of what was read; moves `expected` on to the one before. */
function takes(expected: Expected, record: LogRecord): boolean {
  switch (record.kind) {
    case 'blockSeal': {
      const { header, firstNumber, lastNumber, lastDigest } = record.blockSeal;
      const isPreceding = header.number === expected.block && bytesEqual(blockHashOf(record.blockSeal), expected.blockHash);
      const isBlockRead = expected.miniBlock === expected.firstOfBlock - 1;
      if (!isPreceding || !isBlockRead || !isTip(expected, lastNumber, lastDigest)) return false;
      expected.block--;
      expected.blockHash = header.parentHash;
      expected.firstOfBlock = firstNumber;
      return true;
    }
    case 'miniBlock': {
      const { envelope, digest } = record.miniBlock;
      if (envelope.number < expected.firstOfBlock || !isTip(expected, envelope.number, digest)) return false;
      expected.miniBlock--;
      expected.digest = envelope.parentDigest;
      return true;
    }
    case 'epochStart':
      return isTip(expected, record.epochStart.lastNumber, record.epochStart.lastDigest);
  }
}

function isTip({ miniBlock, digest }: Expected, number: number, itsDigest: Hash): boolean {
  return number === miniBlock && bytesEqual(itsDigest, digest);
}

function decode(bytes: Bytes, posted: DaCommitment): LogRecord {
  try {
    return decodeLogRecord(bytes);
  } catch (cause) {
    if (!isStrobeError(cause) || cause.code === 'VERSION_NOT_SUPPORTED') throw cause;
    throw notWhole(posted, cause);
  }
}

function notWhole({ firstBlock, lastBlock }: DaCommitment, cause?: unknown): StrobeError<'INVALID_DA_BATCH'> {
  const message = 'data availability batch: it does not hold every record of its blocks';
  return new StrobeError('INVALID_DA_BATCH', message, { firstBlock, lastBlock }, cause === undefined ? undefined : { cause });
}
