import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../observability/logger.ts';
import type { AccessGuard } from './access-guard.ts';
import type { JsonRpcHandler } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import type { RpcCaller } from './rpc-caller.ts';
import type { RpcMetrics } from './rpc-metrics.ts';

export interface HttpTransportModules {
  readonly guard: AccessGuard;
  readonly handler: JsonRpcHandler;
  readonly metrics: RpcMetrics;
  readonly logger: Logger;
}

/** Nothing can be pushed over HTTP. */
const CALLER: RpcCaller = { subscriptions: undefined };
/** How long a browser may remember the answer to its preflight, seconds; Chrome's own maximum. */
const PREFLIGHT_MAX_AGE_SECONDS = 7_200;

/**
 * JSON-RPC over HTTP: POST / with a JSON body. Requests that are no JSON-RPC get an HTTP status, everything else 200. The
 * body stays text until the handler parses it, and the answer is text already: no schema, no serializer.
 */
export function createHttpTransport(limits: RpcLimits, modules: HttpTransportModules): FastifyInstance {
  const { guard, handler, metrics } = modules;
  const app = Fastify({
    bodyLimit: limits.maxBodyBytes,
    requestTimeout: limits.requestTimeoutMs,
    connectionTimeout: limits.stalledTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    forceCloseConnections: 'idle',
  });
  app.server.maxConnections = limits.maxConnections;
  app.removeAllContentTypeParsers();
  // Only JSON: a form that a foreign page submits is never JSON, so it cannot send transactions past CORS.
  app.addContentTypeParser('application/json', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.addHook('onRequest', (request, reply, done) => {
    if (guard.allowsHost(request.headers.host)) {
      allowOrigin(request, reply, guard);
      done();
      return;
    }
    metrics.recordRefused('host');
    reply.code(403).type('text/plain').send('invalid host specified');
  });
  app.options('/', (_request, reply) => reply.code(204).send());
  app.post('/', async (request, reply) => {
    const startMs = performance.now();
    const answer = await handler.handle(bodyText(request.body), CALLER);
    metrics.recordMessage('http', (performance.now() - startMs) / 1_000);
    return answer === undefined ? reply.code(204).send() : reply.type('application/json').send(answer);
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => sendError(error, reply, modules.logger));
  return app;
}

/** The body as it came; an empty one is left to the JSON parser to refuse. */
function bodyText(body: unknown): string {
  return body instanceof Buffer ? body.toString('utf8') : '';
}

/** Tells the browser that the page may read the answer. */
function allowOrigin(request: FastifyRequest, reply: FastifyReply, guard: AccessGuard): void {
  const { origin } = request.headers;
  if (origin === undefined) return;
  reply.header('vary', 'Origin');
  if (!guard.allowsOrigin(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-allow-methods', 'POST, OPTIONS');
  reply.header('access-control-allow-headers', 'content-type');
  reply.header('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS);
}

/** Errors before the JSON-RPC handler: too large, not JSON, broken off. */
function sendError(error: FastifyError, reply: FastifyReply, logger: Logger): FastifyReply {
  const status = error.statusCode ?? 500;
  if (status >= 500) logger.error({ err: error }, 'JSON-RPC request failed');
  return reply
    .code(status)
    .type('text/plain')
    .send(status >= 500 ? 'internal error' : error.message);
}
