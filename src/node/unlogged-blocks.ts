import type { LoggedBlock } from '../fullnode/lost-records.ts';
import type { Logger } from '../observability/logger.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { bytesEqual } from '../util/bytes.ts';

export interface UnloggedBlocksModules {
  readonly store: Pick<ChainStore, 'base' | 'sealedHead' | 'safeNumber' | 'sealOf' | 'rollback'>;
  readonly log: Pick<MiniBlockLog, 'firstNumber' | 'lastNumber' | 'read'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/**
 * Takes those blocks off a replica's store that its log does not have, or has in another form: a power failure may take more
 * from the one than from the other, and a log that was cut on purpose ends below the store. Peers have what is taken off. What is
 * safe stays, whatever the log says.
 */
export async function undoUnlogged({ store, log, logger }: UnloggedBlocksModules): Promise<void> {
  const { header } = store.sealedHead();
  const logged = await newestLogged({ store, log });
  if (logged === undefined || logged.blockNumber === header.number || logged.blockNumber < (store.safeNumber() ?? 0)) return;
  await store.rollback(logged.number);
  const fields = { from: header.number, to: logged.blockNumber, logNumber: log.lastNumber() };
  logger.warn(fields, 'blocks that the log does not have were undone');
}

/** The newest stored block whose end the log has; undefined: there is none. */
export async function newestLogged({
  store,
  log,
}: Pick<UnloggedBlocksModules, 'store' | 'log'>): Promise<LoggedBlock | undefined> {
  for (let number = store.sealedHead().header.number; number >= store.base.header.number; number--) {
    const end = await endOf(number, store);
    // Below the log's begin there is nothing to find.
    if (end === undefined || (number > 0 && end.number < (log.firstNumber() ?? 0))) return undefined;
    if (await isLogged(end, log)) return end;
  }
  return undefined;
}

/** Undefined: its history was pruned. */
async function endOf(blockNumber: number, store: UnloggedBlocksModules['store']): Promise<LoggedBlock | undefined> {
  const { header, lastMiniBlock, lastDigest } = store.base;
  if (blockNumber === header.number) return { blockNumber, number: lastMiniBlock, digest: lastDigest };
  const seal = await store.sealOf(blockNumber);
  return seal && { blockNumber, number: seal.lastNumber, digest: seal.lastDigest };
}

async function isLogged({ number, digest }: LoggedBlock, log: UnloggedBlocksModules['log']): Promise<boolean> {
  const first = log.firstNumber() ?? 1;
  // In front of mini-block 1 there is nothing that could be missed.
  if (number === 0) return first <= 1;
  if (number < first || number > log.lastNumber()) return false;
  for await (const { bytes } of log.read(number)) {
    const record = decodeLogRecord(bytes);
    return record.kind === 'miniBlock' && bytesEqual(record.miniBlock.digest, digest);
  }
  return false;
}
