import { MAX_POOL_PAGE_ENTRIES } from '../protocol/limits.ts';
import type { PoolCounts, PoolPage, PoolPageEntry } from '../protocol/ports/pool.ts';
import type { Address } from '../protocol/primitives.ts';
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber, type RlpItem } from '../protocol/rlp.ts';
import { type Bytes, EMPTY_BYTES } from '../util/bytes.ts';
import { networkError } from './network-errors.ts';

// Bodies of the pool's frames, RLP: counts `[pending, queued]`, a page's request `[from, sender | ""]`, and a page
// `[next | "", [[sender, isQueued, raw], …]]`.

/** Around a transaction: sender, flag and three prefixes. */
const ENTRY_OVERHEAD_BYTES = 21 + 1 + 4 + 4;
/** What a page has besides its transactions, at most. */
export const MAX_POOL_PAGE_OVERHEAD_BYTES = MAX_POOL_PAGE_ENTRIES * ENTRY_OVERHEAD_BYTES + 32;

/** Items of a page: four for each transaction and the lists around them. */
const MAX_PAGE_ITEMS = 4 * MAX_POOL_PAGE_ENTRIES + 8;

export interface PoolPageRequest {
  readonly from: number;
  readonly sender: Address | undefined;
}

export function encodePoolCounts({ pending, queued }: PoolCounts): Bytes {
  return encodeRlp([fromNumber(pending), fromNumber(queued)]);
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodePoolCounts(body: Bytes): PoolCounts {
  return checked(() => {
    const [pending, queued] = asList(decodeRlp(body, MAX_PAGE_ITEMS), 'pool counts', 2);
    return { pending: asNumber(pending, 'pending'), queued: asNumber(queued, 'queued') };
  });
}

export function encodePoolPageRequest({ from, sender }: PoolPageRequest): Bytes {
  return encodeRlp([fromNumber(from), sender ?? EMPTY_BYTES]);
}

/** @throws StrobeError PROTOCOL_VIOLATION */
export function decodePoolPageRequest(body: Bytes): PoolPageRequest {
  return checked(() => {
    const [from, sender] = asList(decodeRlp(body, MAX_PAGE_ITEMS), 'pool page request', 2);
    return { from: asNumber(from, 'from'), sender: isEmpty(sender) ? undefined : asBytes(sender, 'sender', 20) };
  });
}

export function encodePoolPage({ entries, next }: PoolPage): Bytes {
  const items = entries.map(({ sender, isQueued, raw }) => [sender, fromNumber(isQueued ? 1 : 0), raw]);
  return encodeRlp([next === undefined ? EMPTY_BYTES : fromNumber(next), items]);
}

/**
 * @param from what was asked for: a page that does not lead further would be asked for without end
 * @throws StrobeError PROTOCOL_VIOLATION
 */
export function decodePoolPage(body: Bytes, from: number): PoolPage {
  return checked(() => {
    const [next, items] = asList(decodeRlp(body, MAX_PAGE_ITEMS), 'pool page', 2);
    const entries = asList(items, 'entries').map(decodeEntry);
    if (isEmpty(next)) return { entries, next: undefined };
    const following = asNumber(next, 'next');
    if (following <= from || entries.length === 0) throw notAPage();
    return { entries, next: following };
  });
}

function decodeEntry(item: RlpItem): PoolPageEntry {
  const [sender, isQueued, raw] = asList(item, 'entry', 3);
  return { sender: asBytes(sender, 'sender', 20), isQueued: asNumber(isQueued, 'isQueued') === 1, raw: asBytes(raw, 'raw') };
}

function isEmpty(item: RlpItem | undefined): boolean {
  return item instanceof Uint8Array && item.length === 0;
}

function checked<Result>(decode: () => Result): Result {
  try {
    return decode();
  } catch (cause) {
    throw notAPage(cause);
  }
}

const notAPage = (cause?: unknown) => networkError('PROTOCOL_VIOLATION', 'not a listing of the pool', {}, cause);
