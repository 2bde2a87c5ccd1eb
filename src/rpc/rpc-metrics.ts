import { LATENCY_BUCKETS_SECONDS, type MetricFactory } from '../observability/metrics.ts';

/** Sizes that are read when somebody scrapes. */
export interface RpcGauges {
  readonly webSockets: () => number;
  readonly subscriptions: () => number;
  readonly receiptWaiters: () => number;
  readonly nonceWaiters: () => number;
}

/** `limit`: of the whole server; `client`: connections of one address; `rate`: its calls; `busy`: no room for bodies. */
export type RefusalReason = 'host' | 'origin' | 'limit' | 'client' | 'rate' | 'busy' | 'token';

export type RpcTransport = 'http' | 'ws';

/** What the server reports. */
export interface RpcMetrics {
  /** `method` is undefined for a name that is not served: names of clients are no labels. */
  recordCall(method: string | undefined, succeeded: boolean): void;
  recordMessage(transport: RpcTransport, seconds: number): void;
  recordSlowReaderDropped(): void;
  recordRefused(reason: RefusalReason): void;
}

/** Records nothing. */
export const NO_RPC_METRICS: RpcMetrics = {
  recordCall: () => {},
  recordMessage: () => {},
  recordSlowReaderDropped: () => {},
  recordRefused: () => {},
};

/** Without a factory nothing is recorded. */
export function createRpcMetrics(factory: MetricFactory | undefined, gauges: RpcGauges): RpcMetrics {
  if (factory === undefined) return NO_RPC_METRICS;
  declareGauges(factory, gauges);
  const calls = factory.counter({
    name: 'rpc_calls_total',
    help: 'JSON-RPC calls by method and outcome; a batch counts each of its calls.',
    labelNames: ['method', 'outcome'],
  });
  const messages = factory.histogram({
    name: 'rpc_message_seconds',
    help: 'Time from a complete message, single or batch, to its answer.',
    labelNames: ['transport'],
    buckets: LATENCY_BUCKETS_SECONDS,
  });
  const dropped = factory.counter({
    name: 'rpc_slow_readers_dropped_total',
    help: 'WebSocket connections closed because they read too slowly.',
  });
  const refused = factory.counter({
    name: 'rpc_refused_total',
    help: 'Connections and requests refused by host, origin, limits of connections and memory, or rate.',
    labelNames: ['reason'],
  });
  const children = new Map<string, { inc(): void }>();
  const childOf = (method: string, outcome: string): { inc(): void } => {
    // A child is looked up once: hashing labels anew costs as much as the rest of a hot call.
    const key = `${method} ${outcome}`;
    const known = children.get(key);
    if (known !== undefined) return known;
    const child = calls.labels({ method, outcome });
    children.set(key, child);
    return child;
  };
  const messagesBy = { http: messages.labels('http'), ws: messages.labels('ws') };
  return {
    recordCall: (method, succeeded) => childOf(method ?? 'unknown', succeeded ? 'ok' : 'error').inc(),
    recordMessage: (transport, seconds) => messagesBy[transport].observe(seconds),
    recordSlowReaderDropped: () => dropped.inc(),
    recordRefused: (reason) => refused.inc({ reason }),
  };
}

function declareGauges(factory: MetricFactory, gauges: RpcGauges): void {
  factory.gauge({
    name: 'rpc_websockets',
    help: 'Open WebSocket connections.',
    collect: (gauge) => gauge.set(gauges.webSockets()),
  });
  factory.gauge({
    name: 'rpc_subscriptions',
    help: 'Open subscriptions of all connections.',
    collect: (gauge) => gauge.set(gauges.subscriptions()),
  });
  factory.gauge({
    name: 'rpc_receipt_waiters',
    help: 'Synchronous sends that wait for their receipt.',
    collect: (gauge) => gauge.set(gauges.receiptWaiters()),
  });
  factory.gauge({
    name: 'rpc_nonce_waiters',
    help: 'Calls that wait for a nonce.',
    collect: (gauge) => gauge.set(gauges.nonceWaiters()),
  });
}
