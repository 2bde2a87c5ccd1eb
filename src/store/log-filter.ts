import type { IndexedLog, IndexedTransaction, LogFilter } from '../protocol/ports/chain.ts';
import { BLOOM_BYTES, type Log } from '../protocol/receipt.ts';
import { type Bytes, toKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';

/** A position in the bloom: byte index and bit mask, three for each value (Yellow Paper, section 4.3.1). */
type BloomBits = readonly { readonly index: number; readonly mask: number }[];

function bloomBits(value: Bytes): BloomBits {
  const hash = keccak256(value);
  return [0, 2, 4].map((pair) => {
    const bit = (((hash[pair] as number) << 8) | (hash[pair + 1] as number)) & 2047;
    return { index: BLOOM_BYTES - 1 - (bit >> 3), mask: 1 << (bit & 7) };
  });
}

/** A log filter made ready for many blocks. */
export class LogMatcher {
  readonly #addresses: ReadonlySet<string>;
  readonly #topics: readonly (ReadonlySet<string> | undefined)[];
  /** One group for each condition; a block may match when each group has a value whose bits are all set. */
  readonly #bloomGroups: readonly (readonly BloomBits[])[];

  constructor(filter: Pick<LogFilter, 'addresses' | 'topics'>) {
    const topics = filter.topics.map((any) => (any === undefined || any.length === 0 ? undefined : any));
    this.#addresses = new Set(filter.addresses.map(toKey));
    this.#topics = topics.map((any) => (any === undefined ? undefined : new Set(any.map(toKey))));
    const groups = [filter.addresses, ...topics].filter((any) => any !== undefined && any.length > 0);
    this.#bloomGroups = groups.map((any) => (any ?? []).map(bloomBits));
  }

  /** False when a block with this bloom has no matching log for sure. */
  mayMatch(bloom: Bytes): boolean {
    return this.#bloomGroups.every((group) =>
      group.some((bits) => bits.every(({ index, mask }) => ((bloom[index] as number) & mask) !== 0)),
    );
  }

  matches(log: Log): boolean {
    if (this.#addresses.size > 0 && !this.#addresses.has(toKey(log.address))) return false;
    return this.#topics.every((any, position) => {
      const topic = log.topics[position];
      return topic !== undefined && (any === undefined || any.has(toKey(topic)));
    });
  }
}

/** The matching logs of transactions, in order. */
export function matchingLogs(transactions: readonly IndexedTransaction[], matcher: LogMatcher): IndexedLog[] {
  const logs: IndexedLog[] = [];
  for (const transaction of transactions) {
    for (const [position, log] of transaction.receipt.logs.entries()) {
      if (matcher.matches(log)) logs.push({ transaction, position });
    }
  }
  return logs;
}
