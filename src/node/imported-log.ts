import type { Logger } from '../observability/logger.ts';
import { encodeSequencerMessage, type LogRecord, recordNumber } from '../protocol/log-record.ts';
import type { LogEntry } from '../protocol/ports/log.ts';
import type { EpochStart } from '../protocol/sequencer-messages.ts';
import type { ChainStore } from '../store/chain-store.ts';
import type { SegmentLog } from '../store/segment-log.ts';
import type { SnapshotManifest } from '../store/snapshot/snapshot-types.ts';
import { invariant } from '../util/errors.ts';

/** Empties the log: every record stands behind this number. */
const BEFORE_EVERYTHING = -1;

export interface ImportedLogModules {
  readonly store: Pick<ChainStore, 'base' | 'sealedHead'>;
  readonly log: Pick<SegmentLog, 'append' | 'firstNumber' | 'lastNumber' | 'read' | 'truncateAfter'>;
  /** What the state was loaded from. */
  readonly snapshot: SnapshotManifest | undefined;
  readonly logger: Pick<Logger, 'info'>;
}

/**
 * Has the log begin where an imported chain does: with the last mini-block of the snapshot's block, its seal, and the
 * epochs that opened right there. To be called at every start; it acts as long as that block is the head, and takes away
 * what the log has of the chain before the import. A crash in the middle is made good by the next start.
 */
export async function beginImportedLog({ store, log, snapshot, logger }: ImportedLogModules): Promise<void> {
  const { base } = store;
  if (base.seal === undefined || store.sealedHead().lastMiniBlock !== base.lastMiniBlock) return;
  // Without it there is no state to go on from, either: whoever loads that says so.
  if (snapshot === undefined || snapshot.head.number !== base.lastMiniBlock) return;
  const records = firstRecords(snapshot);
  if (await beginsWith(records.length, base.lastMiniBlock, log)) return;
  await log.truncateAfter(BEFORE_EVERYTHING);
  await log.append(records);
  logger.info({ block: base.header.number, miniBlock: base.lastMiniBlock }, 'the log begins with the imported block');
}

/** In log order: an epoch that the seal is of opened before the block was sealed, a newer one behind it. */
function firstRecords({ last, seal, head, epochStarts }: SnapshotManifest): LogEntry[] {
  invariant(last !== undefined && seal !== undefined, 'a sealed block has mini-blocks');
  const starts = epochStarts.filter(({ lastNumber }) => lastNumber === head.number);
  const asRecord = (epochStart: EpochStart): LogRecord => ({ kind: 'epochStart', epochStart });
  const records: LogRecord[] = [
    { kind: 'miniBlock', miniBlock: last },
    ...starts.filter(({ epoch }) => epoch <= seal.epoch).map(asRecord),
    { kind: 'blockSeal', blockSeal: seal },
    ...starts.filter(({ epoch }) => epoch > seal.epoch).map(asRecord),
  ];
  return records.map((record) => ({ number: recordNumber(record), bytes: encodeSequencerMessage(record) }));
}

/** True when the log begins at mini-block `number` and has at least `count` records there, or others behind them. */
async function beginsWith(count: number, number: number, log: ImportedLogModules['log']): Promise<boolean> {
  if (log.firstNumber() !== number) return false;
  if (log.lastNumber() > number) return true;
  let found = 0;
  for await (const entry of log.read(number)) if (entry.number === number) found++;
  return found >= count;
}
