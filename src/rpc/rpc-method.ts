import type { Logger } from '../observability/logger.ts';
import type { RpcBackend } from '../protocol/ports/chain.ts';
import type { Executions } from './executions.ts';
import type { FeeOracle } from './fee-oracle.ts';
import type { FilterRegistry } from './filter-registry.ts';
import type { RpcLimits } from './limits.ts';
import type { NonceWaiters } from './nonce-waiters.ts';
import type { ReceiptWaiters } from './receipt-waiters.ts';
import type { RpcCaller } from './rpc-caller.ts';
import type { SubscriptionHub } from './subscriptions/subscription-hub.ts';

/** What methods work with; one for the whole server. */
export interface RpcModules {
  readonly backend: RpcBackend;
  readonly limits: RpcLimits;
  readonly logger: Logger;
  readonly fees: FeeOracle;
  readonly waiters: ReceiptWaiters;
  readonly nonceWaiters: NonceWaiters;
  readonly filters: FilterRegistry;
  readonly subscriptions: SubscriptionHub;
  readonly executions: Executions;
}

/** A JSON-RPC method. Both functions throw StrobeError with a code of rpc-error.ts. */
export interface RpcMethod<Params = unknown, Modules = RpcModules> {
  readonly name: string;
  /** Positional parameters it takes at most; absent ones beyond are ignored. */
  readonly maxParams: number;
  parse(params: readonly unknown[]): Params;
  /**
   * A JSON-ready value or a promise of one. Runs synchronously up to its first await, so that the sends of a batch reach
   * the pool in the batch's order.
   */
  handle(params: Params, modules: Modules, caller: RpcCaller): unknown;
}

/** `parse` of a method without parameters. */
export function noParams(): undefined {
  return undefined;
}
