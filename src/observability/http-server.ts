import Fastify, { type FastifyInstance } from 'fastify';
import { errorMessage, StrobeError } from '../util/errors.ts';
import type { Logger } from './logger.ts';
import type { Metrics } from './metrics.ts';

export interface Readiness {
  ready: boolean;
  /** Why not, in one sentence. */
  reason?: string;
}

export interface ObservabilityServerOptions {
  host: string;
  /** 0 picks a free port. */
  port: number;
}

export interface ObservabilityServerModules {
  metrics: Pick<Metrics, 'expose'>;
  logger: Logger;
  /** Answers at once from memory: `/ready` is asked often. */
  readiness: () => Readiness;
}

/** A scraper that sends more than its request line and headers is none of ours. */
const MAX_BODY_BYTES = 1024;
/** Scrapers are local and quick; a connection that stalls longer is dropped. */
const REQUEST_TIMEOUT_MS = 5_000;

/**
 * `/metrics` (Prometheus text), `/health` (200 while the process answers) and `/ready` (200, or 503 with a reason)
 * on a port of their own, so that a flood of JSON-RPC never hides the state of the node.
 */
export class ObservabilityServer {
  readonly #options: ObservabilityServerOptions;
  readonly #modules: ObservabilityServerModules;
  #server: FastifyInstance | undefined;

  constructor(options: ObservabilityServerOptions, modules: ObservabilityServerModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /**
   * @returns the address it listens on
   * @throws StrobeError METRICS_LISTEN_FAILED
   */
  async start(): Promise<{ host: string; port: number }> {
    const { host, port } = this.#options;
    const server = this.#createServer();
    this.#server = server;
    try {
      await server.listen({ host, port });
    } catch (cause) {
      await server.close();
      const message = `metrics cannot listen on ${host}:${port}: ${errorMessage(cause)}`;
      throw new StrobeError('METRICS_LISTEN_FAILED', message, { host, port }, { cause });
    }
    const address = server.server.address();
    return { host, port: address !== null && typeof address === 'object' ? address.port : port };
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    await server?.close();
  }

  #createServer(): FastifyInstance {
    const { metrics, logger, readiness } = this.#modules;
    const server = Fastify({
      bodyLimit: MAX_BODY_BYTES,
      requestTimeout: REQUEST_TIMEOUT_MS,
      // Keep-alive connections of a scraper must not hold a shutdown up.
      forceCloseConnections: true,
    });
    server.get('/metrics', async (_request, reply) => {
      const { contentType, body } = await metrics.expose();
      return reply.header('content-type', contentType).send(body);
    });
    server.get('/health', () => ({ status: 'up' }));
    server.get('/ready', (_request, reply) => {
      const state = readiness();
      return reply.code(state.ready ? 200 : 503).send(state);
    });
    server.setErrorHandler((error, request, reply) => {
      logger.error({ err: error, url: request.url }, 'observability request failed');
      return reply.code(500).send({ error: 'internal error' });
    });
    return server;
  }
}
