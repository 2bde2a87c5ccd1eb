import type { CallerSubscriptions, RpcCaller } from '../rpc-caller.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { readSubscription } from '../subscriptions/subscription-request.ts';

/** Opens a subscription on this connection; its events begin right after the answer. */
export const ethSubscribe: RpcMethod<{ params: readonly unknown[] }> = {
  name: 'eth_subscribe',
  maxParams: 3,
  parse: (params) => ({ params }),
  handle: async ({ params }, { subscriptions, limits }, caller) => {
    const connection = requireConnection(caller);
    const { start, check } = subscriptions.prepare(readSubscription(params, limits));
    const id = connection.open(start);
    try {
      // Opened before anything is waited for: the connection's end meanwhile has to find it.
      await check();
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
