import type { Address } from '../../protocol/primitives.ts';
import type { RpcLimits } from '../limits.ts';
import { type LogCriteria, readLogCriteria, wantsPending } from '../log-criteria.ts';
import { isAbsent, type JsonObject, readAddress, readArray, readBoolean, readObject } from '../read-params.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import { type ResumeCursor, readCursor } from './resume-cursor.ts';

/** What is pushed of each mini-block. */
export type Dialect =
  | { readonly kind: 'miniBlocks'; readonly hashesOnly: boolean }
  /** As soon as their mini-block exists; `pendingLogs` is another name for it. */
  | { readonly kind: 'pendingLogs'; readonly criteria: LogCriteria }
  | { readonly kind: 'stateChanges'; readonly addresses: readonly Address[] }
  | { readonly kind: 'shreds'; readonly withChanges: boolean }
  | { readonly kind: 'newFlashblocks' }
  | { readonly kind: 'newFlashblockTransactions'; readonly content: 'hashes' | 'full' | LogCriteria };

/** What eth_subscribe can ask for. */
export type SubscriptionRequest =
  | { readonly kind: 'newHeads' | 'syncing' | 'blockStatus' }
  | { readonly kind: 'newPendingTransactions'; readonly full: boolean }
  /** Of sealed blocks. */
  | { readonly kind: 'logs'; readonly criteria: LogCriteria }
  | RealtimeRequest;

export interface RealtimeRequest {
  readonly kind: 'realtime';
  readonly dialect: Dialect;
  readonly resumeFrom: ResumeCursor | undefined;
  /** Each mini-block's last message says where a later subscription may resume from. */
  readonly withCursors: boolean;
}

type Limits = Pick<RpcLimits, 'maxLogAlternatives'>;

const NO_CRITERIA: LogCriteria = { addresses: [], topics: [], blockHash: undefined, fromBlock: undefined, toBlock: undefined };
const KINDS =
  'newHeads, logs, newPendingTransactions, syncing, miniBlocks, stateChanges, shreds, newFlashblocks, pendingLogs, ' +
  'newFlashblockTransactions or blockStatus';

/**
 * Reads the parameters of eth_subscribe: the name, what the dialect takes behind it, and options of resumption, in the
 * last of them or in an object of their own.
 * @throws StrobeError INVALID_PARAMS, and METHOD_NOT_FOUND for a name that is none (geth's code)
 */
export function readSubscription([kind, second, third]: readonly unknown[], limits: Limits): SubscriptionRequest {
  switch (kind) {
    case 'newHeads':
    case 'blockStatus':
    case 'syncing':
      if (!isAbsent(second) || !isAbsent(third)) throw invalidParams('options', `${kind} takes none`);
      return { kind };
    case 'newPendingTransactions':
      return { kind, full: isAbsent(second) ? false : readBoolean(second, 'full') };
    case 'logs': {
      const criteria = readCriteria(second, limits);
      if (wantsPending(criteria)) return realtime({ kind: 'pendingLogs', criteria }, second, third);
      const options = optionsOf(second, third);
      if (options !== undefined && 'resumeFrom' in options)
        throw invalidParams('resumeFrom', 'only with fromBlock or toBlock "pending": sealed blocks are read with eth_getLogs');
      return { kind, criteria };
    }
    default:
      return realtime(readDialect(kind, second, limits), second, third);
  }
}

function readDialect(kind: unknown, second: unknown, limits: Limits): Dialect {
  switch (kind) {
    case 'miniBlocks':
      return { kind, hashesOnly: readHashesOnly(second) };
    case 'pendingLogs':
      return { kind, criteria: readCriteria(second, limits) };
    case 'stateChanges': {
      const items = readArray(second, 'addresses', limits.maxLogAlternatives);
      return { kind, addresses: items.map((item, at) => readAddress(item, `addresses[${at}]`)) };
    }
    case 'shreds':
      return { kind, withChanges: isAbsent(second) || isObject(second) ? false : readBoolean(second, 'withStateChanges') };
    case 'newFlashblocks':
      if (!isAbsent(second)) readObject(second, 'options');
      return { kind };
    case 'newFlashblockTransactions':
      return { kind, content: readContent(second, limits) };
    default:
      if (typeof kind !== 'string') throw invalidParams('subscription', `expected ${KINDS}`);
      throw rpcError('METHOD_NOT_FOUND', `no "${kind.slice(0, 64)}" subscription in eth namespace: expected ${KINDS}`);
  }
}

function realtime(dialect: Dialect, second: unknown, third: unknown): RealtimeRequest {
  const { resumeFrom, cursors } = (optionsOf(second, third) ?? {}) as { resumeFrom?: unknown; cursors?: unknown };
  const cursor = isAbsent(resumeFrom) ? undefined : readCursor(resumeFrom, 'resumeFrom');
  const withCursors = isAbsent(cursors) ? cursor !== undefined : readBoolean(cursors, 'cursors');
  return { kind: 'realtime', dialect, resumeFrom: cursor, withCursors };
}

function optionsOf(second: unknown, third: unknown): JsonObject | undefined {
  if (!isAbsent(third)) return readObject(third, 'options');
  return isObject(second) ? second : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function readCriteria(value: unknown, limits: Limits): LogCriteria {
  const criteria = isAbsent(value) ? NO_CRITERIA : readLogCriteria(value, limits);
  if (criteria.blockHash !== undefined) throw invalidParams('filter.blockHash', 'a subscription is about new logs');
  return criteria;
}

/** `{hashesOnly: true}` leaves out receipts and everything of a transaction but its hash. */
function readHashesOnly(options: unknown): boolean {
  if (isAbsent(options)) return false;
  const { hashesOnly } = readObject(options, 'options') as { hashesOnly?: unknown };
  return isAbsent(hashesOnly) ? false : readBoolean(hashesOnly, 'options.hashesOnly');
}

/** Hashes, `true` for whole transactions with logs, or a log filter for those that it matches. */
function readContent(value: unknown, limits: Limits): 'hashes' | 'full' | LogCriteria {
  if (isAbsent(value)) return 'hashes';
  if (!isObject(value)) return readBoolean(value, 'full') ? 'full' : 'hashes';
  const isFilter = 'address' in value || 'topics' in value || Object.keys(value).length === 0;
  return isFilter ? readCriteria(value, limits) : 'hashes';
}
