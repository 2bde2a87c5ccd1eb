import type { RpcLimits } from '../limits.ts';
import { assertRangeKept, type LogCriteria, readLogCriteria, wantsPending } from '../log-criteria.ts';
import { isAbsent, readBoolean, readObject } from '../read-params.ts';
import type { CallerSubscriptions, RpcCaller } from '../rpc-caller.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import type { SubscriptionRequest } from '../subscriptions/subscription-hub.ts';

/** Opens a subscription on this connection; its events begin right after the answer. */
export const ethSubscribe: RpcMethod<{ kind: unknown; options: unknown }> = {
  name: 'eth_subscribe',
  maxParams: 2,
  parse: ([kind, options]) => ({ kind, options }),
  handle: async ({ kind, options }, { backend, subscriptions, limits }, caller) => {
    const connection = requireConnection(caller);
    const request = readSubscription(kind, options, limits);
    const id = connection.open(subscriptions.prepare(request));
    try {
      // Opened before anything is waited for: the connection's end meanwhile has to find it.
      if (request.kind === 'logs') await assertRangeKept(request.criteria, backend.chain);
    } catch (error) {
      connection.close(id);
      throw error;
    }
    return id;
  },
};

export const ethUnsubscribe: RpcMethod<{ id: string }> = {
  name: 'eth_unsubscribe',
  maxParams: 1,
  parse: ([id]) => {
    if (typeof id === 'string') return { id };
    throw invalidParams('subscription id', 'expected the id that eth_subscribe gave');
  },
  handle: ({ id }, _, caller) => {
    if (requireConnection(caller).close(id)) return true;
    throw rpcError('SUBSCRIPTION_NOT_FOUND', 'subscription not found');
  },
};

function requireConnection({ subscriptions }: RpcCaller): CallerSubscriptions {
  if (subscriptions !== undefined) return subscriptions;
  throw rpcError('METHOD_NOT_FOUND', 'notifications not supported: subscriptions need a WebSocket connection');
}

const NO_CRITERIA: LogCriteria = { addresses: [], topics: [], blockHash: undefined, fromBlock: undefined, toBlock: undefined };

function readSubscription(kind: unknown, options: unknown, limits: RpcLimits): SubscriptionRequest {
  switch (kind) {
    case 'miniBlocks':
      return { kind, hashesOnly: readHashesOnly(options) };
    case 'newHeads':
    case 'blockStatus':
    case 'syncing':
      if (!isAbsent(options)) throw invalidParams('options', `${kind} takes none`);
      return { kind };
    case 'newPendingTransactions':
      return { kind, full: isAbsent(options) ? false : readBoolean(options, 'full') };
    case 'logs': {
      const criteria = isAbsent(options) ? NO_CRITERIA : readLogCriteria(options, limits);
      if (criteria.blockHash !== undefined) throw invalidParams('filter.blockHash', 'a subscription is about new logs');
      return { kind, criteria, pending: wantsPending(criteria) };
    }
    default:
      throw invalidParams('subscription', 'expected newHeads, logs, newPendingTransactions, miniBlocks, blockStatus or syncing');
  }
}

/** Options of `miniBlocks`: `{hashesOnly: true}` leaves out receipts and everything of a transaction but its hash. */
function readHashesOnly(options: unknown): boolean {
  if (isAbsent(options)) return false;
  const { hashesOnly } = readObject(options, 'options') as { hashesOnly?: unknown };
  return isAbsent(hashesOnly) ? false : readBoolean(hashesOnly, 'options.hashesOnly');
}
