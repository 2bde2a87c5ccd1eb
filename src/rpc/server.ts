import type { FastifyInstance } from 'fastify';
import type { Logger } from '../observability/logger.ts';
import type { MetricFactory } from '../observability/metrics.ts';
import type { RpcBackend } from '../protocol/ports/chain.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { AccessGuard } from './access-guard.ts';
import { BytePool } from './byte-pool.ts';
import { ClientAddresses } from './client-address.ts';
import { ClientTable } from './client-table.ts';
import { Executions } from './executions.ts';
import { FeeOracle } from './fee-oracle.ts';
import { FilterRegistry } from './filter-registry.ts';
import { createHttpTransport } from './http-transport.ts';
import { JsonRpcHandler } from './json-rpc.ts';
import { type RpcLimits, type RpcLimitsInput, rpcLimitsSchema } from './limits.ts';
import { selectMethods } from './method-selection.ts';
import { METHODS } from './method-table.ts';
import { NonceWaiters } from './nonce-waiters.ts';
import { ReceiptWaiters } from './receipt-waiters.ts';
import { createRpcMetrics } from './rpc-metrics.ts';
import { SubscriptionHub } from './subscriptions/subscription-hub.ts';
import { WsTransport } from './ws-transport.ts';

export interface RpcServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** Of the genesis file: what the base fee never falls below. */
  readonly baseFeeFloorWei: bigint;
  /** Host names that requests may come in under, beside localhost, the bound host and IP addresses; `*` for all. */
  readonly allowedHosts?: readonly string[];
  /** Origins of web pages that may use the node, beside those of this machine; `*` for all. */
  readonly allowedOrigins?: readonly string[];
  /** Reverse proxies that may name the client a request comes from: IP addresses and ranges such as `10.0.0.0/8`. */
  readonly trustedProxies?: readonly string[];
  /** The header they name it in; `x-forwarded-for` unless it says otherwise. */
  readonly clientAddressHeader?: string;
  /** Limits of one client hold for programs on this machine too; they are not limited unless it says so. */
  readonly limitLoopback?: boolean;
  /** Namespaces (`eth`) and methods (`eth_call`) that are served; all unless it says otherwise. */
  readonly api?: readonly string[];
  /** Namespaces and methods that are not served. */
  readonly deniedMethods?: readonly string[];
  readonly limits?: RpcLimitsInput;
}

export interface RpcServerModules {
  readonly backend: RpcBackend;
  readonly logger: Logger;
  readonly metrics?: MetricFactory;
}

export interface RpcAddress {
  readonly host: string;
  readonly port: number;
}

/** JSON-RPC over HTTP and WebSocket on one port. */
export interface RpcServer {
  /** Where it listens; undefined before start and after stop. */
  readonly address: RpcAddress | undefined;
  /** @throws StrobeError RPC_LISTEN_FAILED */
  start(): Promise<RpcAddress>;
  /** Ends waits and subscriptions, lets requests under way be answered, closes every connection. */
  stop(): Promise<void>;
}

/** Time that requests under way have when the server stops, ms; nothing of ours takes longer once the waits are ended. */
const STOP_GRACE_MS = 5_000;

/** @throws ZodError for limits out of range, StrobeError UNKNOWN_RPC_METHOD, INVALID_ADDRESS_RANGE */
export function createRpcServer(options: RpcServerOptions, modules: RpcServerModules): RpcServer {
  return new Server(options, modules);
}

class Server implements RpcServer {
  readonly #options: RpcServerOptions;
  readonly #waiters: ReceiptWaiters;
  readonly #nonceWaiters: NonceWaiters;
  readonly #filters: FilterRegistry;
  readonly #subscriptions: SubscriptionHub;
  readonly #executions: Executions;
  readonly #webSockets: WsTransport;
  readonly #http: FastifyInstance;
  #address: RpcAddress | undefined;

  constructor(options: RpcServerOptions, { backend, logger, metrics: factory }: RpcServerModules) {
    this.#options = options;
    const limits: RpcLimits = rpcLimitsSchema.parse(options.limits ?? {});
    const { chain } = backend;
    const fees = new FeeOracle({ baseFeeFloorWei: options.baseFeeFloorWei }, { chain });
    this.#waiters = new ReceiptWaiters({ maxWaiters: limits.maxReceiptWaiters }, { chain });
    this.#nonceWaiters = new NonceWaiters({ maxWaiters: limits.maxNonceWaiters }, { backend });
    this.#filters = new FilterRegistry(limits, backend);
    this.#subscriptions = new SubscriptionHub(limits, { backend, logger });
    this.#executions = new Executions(limits, { backend, metrics: factory });
    const metrics = createRpcMetrics(factory, {
      webSockets: () => this.#webSockets.connectionCount,
      subscriptions: () => this.#subscriptions.count,
      receiptWaiters: () => this.#waiters.count,
      nonceWaiters: () => this.#nonceWaiters.count,
    });
    const { api = [], deniedMethods = [], limitLoopback = false } = options;
    const handler = new JsonRpcHandler(selectMethods(METHODS, { api, deniedMethods }), {
      methods: {
        ...{ backend, limits, logger, fees },
        ...{ waiters: this.#waiters, nonceWaiters: this.#nonceWaiters },
        ...{ filters: this.#filters, subscriptions: this.#subscriptions },
        executions: this.#executions,
      },
      metrics,
      answers: new BytePool({ maxBytes: limits.maxHeldAnswerBytes }),
    });
    const transport = {
      ...{ handler, metrics, logger },
      guard: new AccessGuard({
        boundHost: options.host,
        allowedHosts: options.allowedHosts ?? [],
        allowedOrigins: options.allowedOrigins ?? [],
      }),
      addresses: new ClientAddresses({
        trustedProxies: options.trustedProxies ?? [],
        clientAddressHeader: options.clientAddressHeader ?? 'x-forwarded-for',
      }),
      clients: new ClientTable({ limits, limitLoopback }),
      requests: new BytePool({ maxBytes: limits.maxHeldRequestBytes }),
    };
    this.#webSockets = new WsTransport(limits, transport);
    this.#http = createHttpTransport(limits, transport);
    this.#http.server.on('upgrade', (request, socket, head) => this.#webSockets.accept(request, socket, head));
  }

  get address(): RpcAddress | undefined {
    return this.#address;
  }

  async start(): Promise<RpcAddress> {
    const { host, port } = this.#options;
    // The listeners first: nothing that a client is told may come before the events it leads to.
    this.#waiters.start();
    this.#nonceWaiters.start();
    this.#filters.start();
    this.#subscriptions.start();
    this.#webSockets.start();
    try {
      await this.#http.listen({ host, port });
    } catch (cause) {
      await this.stop();
      const message = `JSON-RPC cannot listen on ${host}:${port}: ${errorMessage(cause)}`;
      throw new StrobeError('RPC_LISTEN_FAILED', message, { host, port }, { cause });
    }
    const bound = this.#http.server.address();
    this.#address = { host, port: bound !== null && typeof bound === 'object' ? bound.port : port };
    return this.#address;
  }

  async stop(): Promise<void> {
    this.#address = undefined;
    this.#waiters.stop();
    this.#nonceWaiters.stop();
    this.#filters.stop();
    this.#subscriptions.stop();
    this.#executions.stop();
    const force = setTimeout(() => this.#http.server.closeAllConnections(), STOP_GRACE_MS);
    try {
      await this.#webSockets.stop();
      await this.#http.close();
    } finally {
      clearTimeout(force);
    }
  }
}
