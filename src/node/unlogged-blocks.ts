import type { Logger } from '../observability/logger.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { ChainStore } from '../store/chain-store.ts';
import { bytesEqual } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';

export interface UnloggedBlocksModules {
  readonly store: Pick<ChainStore, 'base' | 'sealedHead' | 'safeNumber' | 'sealOf' | 'rollback'>;
  readonly log: Pick<MiniBlockLog, 'firstNumber' | 'lastNumber' | 'read'>;
  readonly logger: Pick<Logger, 'warn'>;
}

/** The last mini-block of a block. */
interface BlockEnd {
  readonly number: number;
  readonly digest: Hash;
}

/**
 * Takes those blocks off a replica's store that its log does not have, or has in another form: a power failure may take more
 * from the one than from the other, and a log that was cut on purpose ends below the store. Peers have what is taken off. What is
 * safe stays, whatever the log says.
 */
export async function undoUnlogged({ store, log, logger }: UnloggedBlocksModules): Promise<void> {
  const { header } = store.sealedHead();
  const floor = Math.max(store.base.header.number, store.safeNumber() ?? 0);
  for (let number = header.number; number >= floor; number--) {
    const end = await endOf(number, store);
    if (!(await isLogged(end, log))) continue;
    if (number === header.number) return;
    await store.rollback(end.number);
    logger.warn({ from: header.number, to: number, logNumber: log.lastNumber() }, 'blocks that the log does not have were undone');
    return;
  }
}

async function endOf(blockNumber: number, store: UnloggedBlocksModules['store']): Promise<BlockEnd> {
  const { header, lastMiniBlock, lastDigest } = store.base;
  if (blockNumber === header.number) return { number: lastMiniBlock, digest: lastDigest };
  const seal = await store.sealOf(blockNumber);
  invariant(seal !== undefined, 'every seal from where the chain begins up to the head is stored');
  return { number: seal.lastNumber, digest: seal.lastDigest };
}

async function isLogged({ number, digest }: BlockEnd, log: UnloggedBlocksModules['log']): Promise<boolean> {
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
