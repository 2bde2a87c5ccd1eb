import type { LogPosition } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { asBytes, asList, asNumber, decodeRlp, encodeRlp, fromNumber } from '../protocol/rlp.ts';
import { bytesEqual, fromText, type Hex, toHex, toKey } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import type { LogCriteria } from './log-criteria.ts';
import { readData } from './read-params.ts';
import { invalidParams } from './rpc-error.ts';

/** Raised when what a cursor says changes. */
const VERSION = 1;
/** Enough for a client that mixes up its cursors; whoever forges one gets other logs of the same chain. */
const FILTER_DIGEST_BYTES = 8;

/** Where a long search goes on, and what it is bound to: the filter, and the last block as it was when it began. */
export interface LogCursor {
  readonly next: LogPosition;
  readonly toBlock: number;
  readonly toHash: Hash;
}

export function encodeLogCursor({ next, toBlock, toHash }: LogCursor, criteria: LogCriteria): Hex {
  const numbers = [VERSION, next.blockNumber, next.logIndex, toBlock].map(fromNumber);
  return toHex(encodeRlp([...numbers, toHash, filterDigest(criteria)]));
}

/** @throws StrobeError INVALID_PARAMS for what is no cursor, or one of another filter */
export function readLogCursor(value: unknown, criteria: LogCriteria, field: string): LogCursor {
  const { cursor, digest } = decode(value, field);
  if (bytesEqual(digest, filterDigest(criteria))) return cursor;
  throw invalidParams(field, 'the cursor belongs to another filter');
}

function decode(value: unknown, field: string): { readonly cursor: LogCursor; readonly digest: Uint8Array } {
  const bytes = readData(value, field);
  try {
    const [version, blockNumber, logIndex, toBlock, toHash, digest] = asList(decodeRlp(bytes), 'cursor', 6);
    if (asNumber(version, 'version') !== VERSION) throw invalidParams(field, 'the cursor is of another version of the node');
    return {
      cursor: {
        next: { blockNumber: asNumber(blockNumber, 'block'), logIndex: asNumber(logIndex, 'log index') },
        toBlock: asNumber(toBlock, 'last block'),
        toHash: asBytes(toHash, 'last block', 32),
      },
      digest: asBytes(digest, 'filter', FILTER_DIGEST_BYTES),
    };
  } catch (error) {
    if (isStrobeError(error, 'INVALID_PARAMS')) throw error;
    throw invalidParams(field, 'not a cursor of eth_getLogsWithCursor');
  }
}

/** The same for the same filter, in whatever order the alternatives of a condition are. */
function filterDigest({ addresses, topics, blockHash, fromBlock, toBlock }: LogCriteria): Uint8Array {
  const keys = (any: readonly Hash[] | undefined): string[] | null => (any === undefined ? null : any.map(toKey).sort());
  const parts = [keys(addresses), topics.map(keys), blockHash === undefined ? null : toKey(blockHash), fromBlock, toBlock];
  return keccak256(fromText(JSON.stringify(parts))).subarray(0, FILTER_DIGEST_BYTES);
}
