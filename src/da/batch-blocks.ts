import { decodeLogRecord } from '../protocol/log-record.ts';
import type { DaCommitment } from '../protocol/ports/da.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { Bytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { DaChain } from './da-modules.ts';

/** First byte of a seal's record (see log-record.ts): the others need not be decoded to find block ends. */
const SEAL_KIND = 3;

export interface BatchLimits {
  readonly maxBlocksPerBatch: number;
  /** Bytes of records; a block that is larger by itself is a batch of its own. */
  readonly maxBatchBytes: number;
}

/** Records of whole blocks. */
export interface BlockRecords {
  readonly firstBlock: number;
  readonly lastBlock: number;
  readonly lastMiniBlock: number;
  readonly records: readonly Bytes[];
}

function sealIn(record: Bytes): BlockSeal | undefined {
  if (record[0] !== SEAL_KIND) return undefined;
  const decoded = decodeLogRecord(record);
  return decoded.kind === 'blockSeal' ? decoded.blockSeal : undefined;
}

/**
 * Collects the records of the blocks behind `after`, up to block `lastBlock` or the limits. Epoch starts in front of a
 * block belong to it.
 * @throws StrobeError DA_RECORDS_MISSING when the log does not have them all
 */
export async function collectBlocks(
  log: Pick<MiniBlockLog, 'read'>,
  after: { readonly block: number; readonly miniBlock: number },
  lastBlock: number,
  limits: BatchLimits,
): Promise<BlockRecords> {
  const taken: Bytes[] = [];
  let block: Bytes[] = [];
  let takenBytes = 0;
  let blockBytes = 0;
  let newest = after;
  // The previous block's seal is the mark from which records belong to the next one; block 1 begins with the log.
  let isReached = after.block === 0;
  for await (const { bytes } of log.read(after.miniBlock)) {
    const seal = sealIn(bytes);
    if (!isReached) {
      isReached = seal?.header.number === after.block;
      continue;
    }
    block.push(bytes);
    blockBytes += bytes.length;
    if (seal === undefined) continue;
    if (seal.header.number !== newest.block + 1 || seal.firstNumber !== newest.miniBlock + 1) break;
    if (taken.length > 0 && takenBytes + blockBytes > limits.maxBatchBytes) break;
    taken.push(...block);
    takenBytes += blockBytes;
    newest = { block: seal.header.number, miniBlock: seal.lastNumber };
    block = [];
    blockBytes = 0;
    if (newest.block === lastBlock || newest.block - after.block === limits.maxBlocksPerBatch) break;
  }
  if (newest.block === after.block) {
    throw new StrobeError('DA_RECORDS_MISSING', 'the log does not have the records of a sealed block', {
      block: after.block + 1,
    });
  }
  return { firstBlock: after.block + 1, lastBlock: newest.block, lastMiniBlock: newest.miniBlock, records: taken };
}

/** Makes it known that blocks from `firstBlock` to the batch's last one are posted; they are safe, so they are final. */
export async function markPosted(chain: DaChain, firstBlock: number, posted: DaCommitment): Promise<void> {
  for (let block = firstBlock; block <= posted.lastBlock; block++) await chain.markDaPosted(block, posted.commitment);
  await chain.markFinalized(posted.lastBlock);
}
