import { createHash, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Logger } from '../../observability/logger.ts';
import type { NodeAdmin } from '../../protocol/ports/admin.ts';
import { errorMessage, invariant, StrobeError } from '../../util/errors.ts';
import { AccessGuard } from '../access-guard.ts';
import { BytePool } from '../byte-pool.ts';
import { ClientAddresses } from '../client-address.ts';
import { ClientTable } from '../client-table.ts';
import { createHttpTransport } from '../http-transport.ts';
import { JsonRpcHandler } from '../json-rpc.ts';
import { rpcLimitsSchema } from '../limits.ts';
import { NO_RPC_METRICS } from '../rpc-metrics.ts';
import type { RpcAddress } from '../server.ts';
import { ADMIN_METHODS } from './admin-methods.ts';

export interface AdminServerOptions {
  readonly host: string;
  /** 0 picks a free port. */
  readonly port: number;
  /** What callers must show: at least {@link MIN_TOKEN_LENGTH} characters that nobody guesses. */
  readonly token: string;
}

export interface AdminServerModules {
  readonly admin: NodeAdmin;
  readonly logger: Logger;
}

/** 128 bits in hex. */
export const MIN_TOKEN_LENGTH = 32;

/** One operator and a few scripts: less than the defaults wherever these are larger than that. */
const LIMITS = rpcLimitsSchema.parse({
  maxBodyBytes: 64 * 1024,
  maxBatchItems: 32,
  maxConnections: 16,
  requestTimeoutMs: 5_000,
  keepAliveTimeoutMs: 5_000,
});

/**
 * JSON-RPC for the operator, on a port of its own and only with the token (`authorization: Bearer <token>`), so that
 * nothing that is opened to users opens this. HTTP only.
 */
export class AdminServer {
  readonly #options: AdminServerOptions;
  readonly #http: FastifyInstance;

  constructor(options: AdminServerOptions, { admin, logger }: AdminServerModules) {
    invariant(options.token.length >= MIN_TOKEN_LENGTH, 'an admin token is long');
    this.#options = options;
    const metrics = NO_RPC_METRICS;
    const handler = new JsonRpcHandler(ADMIN_METHODS, {
      methods: { admin, logger, limits: LIMITS },
      metrics,
      answers: new BytePool({ maxBytes: LIMITS.maxHeldAnswerBytes }),
    });
    this.#http = createHttpTransport(LIMITS, {
      ...{ handler, metrics, logger },
      guard: new AccessGuard({ boundHost: options.host, allowedHosts: [], allowedOrigins: [] }),
      addresses: new ClientAddresses({ trustedProxies: [], clientAddressHeader: '' }),
      clients: new ClientTable({ limits: LIMITS, limitLoopback: false }),
      requests: new BytePool({ maxBytes: LIMITS.maxHeldRequestBytes }),
      isAuthorized: tokenCheck(options.token),
    });
  }

  /** @throws StrobeError ADMIN_LISTEN_FAILED */
  async start(): Promise<RpcAddress> {
    const { host, port } = this.#options;
    try {
      await this.#http.listen({ host, port });
    } catch (cause) {
      await this.stop();
      const message = `the admin server cannot listen on ${host}:${port}: ${errorMessage(cause)}`;
      throw new StrobeError('ADMIN_LISTEN_FAILED', message, { host, port }, { cause });
    }
    const bound = this.#http.server.address();
    return { host, port: bound !== null && typeof bound === 'object' ? bound.port : port };
  }

  async stop(): Promise<void> {
    await this.#http.close();
  }
}

/** Compares digests, in a time that says nothing of how much was right. */
function tokenCheck(token: string): (authorization: string | undefined) => boolean {
  const expected = sha256(token);
  return (authorization) => {
    const given = /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
    return timingSafeEqual(sha256(given ?? ''), expected);
  };
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
