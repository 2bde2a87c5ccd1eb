import { PoolList } from '../../src/protocol/pool-list.ts';
import type { SignedTransaction } from '../../src/protocol/ports/execution.ts';
import type { ListedTransaction, PoolReader } from '../../src/protocol/ports/pool.ts';
import type { Address } from '../../src/protocol/primitives.ts';
import { bytesEqual } from '../../src/util/bytes.ts';

/** Lists pooled transactions by hash as the sequencer's pool does, the plain way. */
export function fakePool(pool: ReadonlyMap<string, SignedTransaction>, nonceOf: (sender: Address) => bigint): PoolReader {
  const listed = (sender: Address | undefined): ListedTransaction[] => {
    const all = [...pool.values()];
    return all
      .filter((candidate) => sender === undefined || bytesEqual(candidate.sender, sender))
      .map((candidate) => ({ ...candidate, isQueued: isQueued(candidate, all, nonceOf(candidate.sender)) }));
  };
  return {
    counts: async () => {
      const queued = listed(undefined).filter((candidate) => candidate.isQueued).length;
      return { pending: pool.size - queued, queued };
    },
    list: async (limit, sender) => {
      const list = new PoolList(limit);
      for (const candidate of listed(sender)) list.add(candidate);
      return list.transactions();
    },
  };
}

/** Some nonce from the account's up to its own is nobody's. */
function isQueued({ transaction, sender }: SignedTransaction, all: readonly SignedTransaction[], next: bigint): boolean {
  const before = all.filter(
    (other) => bytesEqual(other.sender, sender) && other.transaction.nonce >= next && other.transaction.nonce < transaction.nonce,
  );
  return BigInt(before.length) < transaction.nonce - next;
}
