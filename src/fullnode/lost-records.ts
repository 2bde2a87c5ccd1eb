import { isAttestationRecord } from '../protocol/attestation-record.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import { decodeLogRecord, encodeSequencerMessage, type LogRecord } from '../protocol/log-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { LogEntry, MiniBlockLog } from '../protocol/ports/log.ts';
import type { PeerReader } from '../protocol/ports/network.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { epochOf, isSequencerSigned } from '../protocol/validate-sequencer-message.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { itemsUntilAborted } from '../util/until-aborted.ts';
import type { FullNodeLogger } from './full-node-options.ts';

export interface LostRecordsOptions {
  readonly identity: ChainIdentity;
  readonly genesis: Pick<Genesis, 'sequencerKeys'>;
}

export interface LostRecordsModules {
  readonly peers: Pick<PeerReader, 'range' | 'refuse'>;
  readonly log: Pick<MiniBlockLog, 'append' | 'read' | 'truncateAfter'>;
  readonly chain: Pick<ChainReader, 'head' | 'sealOf'>;
  readonly logger: FullNodeLogger;
}

/** The end of a stored block that the log has. */
export interface LoggedBlock {
  readonly blockNumber: number;
  /** Its last mini-block. */
  readonly number: number;
  readonly digest: Hash;
}

/** Mini-blocks asked for at once; peers answer in pieces of their own. */
const RANGE_LIMIT = 2_000;
/** Records of a block whose end has not come; a block that is larger is not fetched. */
const MAX_PENDING_BYTES = 512 * 1024 * 1024;

/** Where reading stands: behind `tip`, with records of one block that are not in the log yet. */
interface Reading {
  block: LoggedBlock;
  tip: { readonly number: number; readonly digest: Hash };
  epoch: number;
  pending: LogEntry[];
  pendingBytes: number;
}

/**
 * Fetches what a replica's log lost of blocks that its store has. A block is taken whole, and only when it is the stored one:
 * every mini-block names the one before, and the stored seal names the last. So whoever answers cannot lead elsewhere.
 * @param from the newest block whose end the log has; what the log has behind it goes
 * @returns true when the log reaches the stored head
 */
export async function fetchLostRecords(
  from: LoggedBlock,
  options: LostRecordsOptions,
  modules: LostRecordsModules,
  signal: AbortSignal,
): Promise<boolean> {
  const { log, chain, logger } = modules;
  await log.truncateAfter(from.number);
  const tip = { number: from.number, digest: from.digest };
  const reading: Reading = { block: from, tip, epoch: await newestEpoch(from.number, log), pending: [], pendingBytes: 0 };
  const head = chain.head().header.number;
  while (reading.block.blockNumber < head && !signal.aborted) {
    const { number } = reading.tip;
    await readAnswer(reading, options, modules, signal);
    if (reading.tip.number <= number) break;
  }
  const { blockNumber } = reading.block;
  if (blockNumber > from.blockNumber)
    logger.warn({ from: from.blockNumber, to: blockNumber }, 'lost records came back from peers');
  return blockNumber >= head;
}

async function newestEpoch(number: number, log: LostRecordsModules['log']): Promise<number> {
  let epoch = 0;
  for await (const { bytes } of log.read(number)) epoch = Math.max(epoch, epochOf(decodeLogRecord(bytes)));
  return epoch;
}

async function readAnswer(
  reading: Reading,
  options: LostRecordsOptions,
  modules: LostRecordsModules,
  signal: AbortSignal,
): Promise<void> {
  const { peers, chain, logger } = modules;
  const answer = peers.range(reading.tip.number, RANGE_LIMIT);
  try {
    let seal = await chain.sealOf(reading.block.blockNumber + 1);
    for await (const bytes of itemsUntilAborted(answer, signal)) {
      if (seal === undefined) return;
      if (isAttestationRecord(bytes)) continue;
      const record = authentic(bytes, options);
      if (record === undefined || !take(record, bytes, seal, reading)) {
        peers.refuse(answer, { code: 'RANGE_INVALID', isForged: record === undefined });
        giveBack(reading);
        return;
      }
      if (record.kind !== 'blockSeal' || reading.tip.number < seal.lastNumber) continue;
      await keepBlock(seal, reading, modules.log);
      seal = await chain.sealOf(reading.block.blockNumber + 1);
    }
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    logger.debug({ from: reading.tip.number, code: error.code }, `lost records do not come: ${errorMessage(error)}`);
  }
}

function authentic(bytes: Bytes, { identity, genesis }: LostRecordsOptions): LogRecord | undefined {
  try {
    const record = decodeLogRecord(bytes);
    const context = { identity, sequencerKeys: genesis.sequencerKeys, epoch: 0, epochKey: undefined };
    return isSequencerSigned(record, context) ? record : undefined;
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}

/** False: it does not lead to the end of the block that `seal` is of. */
function take(record: LogRecord, bytes: Bytes, seal: BlockSeal, reading: Reading): boolean {
  const { tip } = reading;
  switch (record.kind) {
    case 'miniBlock': {
      const { envelope, digest } = record.miniBlock;
      const { number, parentDigest, epoch } = envelope;
      if (number <= tip.number) return true;
      if (number !== tip.number + 1 || !bytesEqual(parentDigest, tip.digest) || number > seal.lastNumber) return false;
      if (number === seal.lastNumber && !bytesEqual(digest, seal.lastDigest)) return false;
      reading.tip = { number, digest };
      reading.epoch = epoch;
      return push({ number, bytes }, reading);
    }
    case 'epochStart': {
      const { epoch, lastNumber, lastDigest } = record.epochStart;
      if (epoch <= reading.epoch) return true;
      if (lastNumber !== tip.number || !bytesEqual(lastDigest, tip.digest)) return false;
      reading.epoch = epoch;
      return push({ number: lastNumber, bytes }, reading);
    }
    case 'blockSeal':
      return record.blockSeal.header.number <= seal.header.number;
  }
}

function push(entry: LogEntry, reading: Reading): boolean {
  reading.pending.push(entry);
  reading.pendingBytes += entry.bytes.length;
  return reading.pendingBytes <= MAX_PENDING_BYTES;
}

/** The whole block goes into the log, with the very seal that is stored. */
async function keepBlock(seal: BlockSeal, reading: Reading, log: LostRecordsModules['log']): Promise<void> {
  const { lastNumber: number, lastDigest: digest, header } = seal;
  const bytes = encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal });
  await log.append([...reading.pending, { number, bytes }]);
  reading.block = { blockNumber: header.number, number, digest };
  reading.pending = [];
  reading.pendingBytes = 0;
}

/** What was read of an unfinished block is forgotten: some of it may be of another one. */
function giveBack(reading: Reading): void {
  reading.tip = { number: reading.block.number, digest: reading.block.digest };
  reading.pending = [];
  reading.pendingBytes = 0;
}
