import { isUtf8 } from 'node:buffer';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import Fastify, { type FastifyError, type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import type { Logger } from '../observability/logger.ts';
import { isStrobeError } from '../util/errors.ts';
import type { AccessGuard } from './access-guard.ts';
import type { BytePool } from './byte-pool.ts';
import type { ClientAddresses } from './client-address.ts';
import type { Client, ClientTable } from './client-table.ts';
import type { JsonRpcHandler } from './json-rpc.ts';
import type { RpcLimits } from './limits.ts';
import { receiveBody } from './request-body.ts';
import type { RpcMetrics } from './rpc-metrics.ts';
import type { RpcReply } from './rpc-reply.ts';

export interface HttpTransportModules {
  readonly guard: AccessGuard;
  readonly addresses: ClientAddresses;
  readonly clients: ClientTable;
  readonly handler: Pick<JsonRpcHandler, 'handle'>;
  /** Bounds what all requests together hold. */
  readonly requests: BytePool;
  readonly metrics: RpcMetrics;
  readonly logger: Logger;
  /** Whether the `authorization` header is one to let in; everyone unless it is given. */
  readonly isAuthorized?: (authorization: string | undefined) => boolean;
}

/** How long a browser may remember the answer to its preflight, seconds; Chrome's own maximum. */
const PREFLIGHT_MAX_AGE_SECONDS = 7_200;
/** How often connections are looked at for one that takes too long, ms: Node's default is as long as the time-out itself. */
const TIMEOUT_CHECK_INTERVAL_MS = 2_000;
/** geth's. A form that a foreign page submits is none of them, so it cannot send transactions past CORS. */
const CONTENT_TYPES = ['application/json', 'application/json-rpc', 'application/jsonrequest'];
/** Seconds after which a client may try again that found the node busy. */
const BUSY_RETRY_SECONDS = 1;
/** The answer to a client that has used up its allowance before its request was read. */
const RATE_LIMITED = '{"jsonrpc":"2.0","id":null,"error":{"code":-32005,"message":"rate limit exceeded, slow down"}}';
const TOO_MANY_CONNECTIONS = 'HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\ncontent-length: 0\r\n\r\n';

/** Statuses of what goes wrong before there is JSON-RPC to speak of. */
const BODY_STATUSES: Readonly<Record<string, number>> = { BODY_TOO_LARGE: 413, NO_ROOM_FOR_BODY: 503, BODY_BROKEN_OFF: 400 };

/**
 * JSON-RPC over HTTP: POST / with a JSON body. Requests that are no JSON-RPC get an HTTP status, everything else 200, or 429
 * when the client asks too much. The answer is text already: no schema, no serializer.
 */
export function createHttpTransport(limits: RpcLimits, modules: HttpTransportModules): FastifyInstance {
  return new HttpTransport(limits, modules).app;
}

class HttpTransport {
  readonly app: FastifyInstance;
  readonly #limits: RpcLimits;
  readonly #modules: HttpTransportModules;
  /** Unanswered requests of a connection. */
  readonly #pipelined = new WeakMap<Socket, number>();

  constructor(limits: RpcLimits, modules: HttpTransportModules) {
    this.#limits = limits;
    this.#modules = modules;
    this.app = this.#createApp();
    this.app.server.maxConnections = limits.maxConnections;
    this.app.server.prependListener('connection', (socket: Socket) => this.#onConnection(socket));
  }

  #createApp(): FastifyInstance {
    const { maxBodyBytes, requestTimeoutMs, stalledTimeoutMs, keepAliveTimeoutMs, headersTimeoutMs, maxHeaderBytes } =
      this.#limits;
    const app = Fastify({
      bodyLimit: maxBodyBytes,
      requestTimeout: requestTimeoutMs,
      connectionTimeout: stalledTimeoutMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      forceCloseConnections: 'idle',
      http: {
        maxHeaderSize: maxHeaderBytes,
        headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
        connectionsCheckingInterval: TIMEOUT_CHECK_INTERVAL_MS,
        // Java's client asks each server to speak HTTP/2; who cannot answers as if it had not been asked.
        shouldUpgradeCallback: ({ headers }: IncomingMessage) => headers.upgrade?.toLowerCase() === 'websocket',
      },
    });
    app.removeAllContentTypeParsers();
    // The handler reads the body itself.
    app.addContentTypeParser(CONTENT_TYPES, (_request, _body, done) => done(null));
    app.addHook('onRequest', (request, reply, done) => this.#admit(request, reply, done));
    app.addHook('onResponse', async ({ raw }) => this.#countPipelined(raw.socket, -1));
    app.options('/', (_request, reply) => reply.code(204).send());
    // As geth: load balancers ask whether anyone is there.
    app.get('/', (_request, reply) => reply.send(''));
    app.route({
      method: ['PUT', 'DELETE', 'PATCH'],
      url: '/',
      handler: (_request, reply) => reply.code(405).header('allow', 'POST, OPTIONS, GET').send(''),
    });
    app.post('/', (request, reply) => this.#answer(request, reply));
    app.setErrorHandler((error: FastifyError, _request, reply) => sendError(error, reply, this.#modules.logger));
    return app;
  }

  /** A trusted proxy's connections carry everyone's requests, so they are not counted. */
  #onConnection(socket: Socket): void {
    const { addresses, clients, metrics } = this.#modules;
    const address = addresses.ofPeer(socket.remoteAddress);
    if (addresses.isTrusted(address)) return;
    const client = clients.of(address);
    if (client.addConnection()) {
      socket.once('close', () => client.removeConnection());
      return;
    }
    metrics.recordRefused('client');
    // Whatever it has sent is not read: the HTTP server, which comes next, finds a socket that has ended.
    socket.on('error', () => {});
    socket.end(TOO_MANY_CONNECTIONS, () => socket.destroy());
  }

  /** Host, then rate: before the body is received. */
  #admit(request: FastifyRequest, reply: FastifyReply, done: () => void): void {
    const { guard, metrics, isAuthorized } = this.#modules;
    const pipelined = this.#countPipelined(request.raw.socket, 1);
    if (!guard.allowsHost(request.headers.host)) {
      metrics.recordRefused('host');
      reply.code(403).type('text/plain').send('invalid host specified');
      return;
    }
    if (isAuthorized?.(request.headers.authorization) === false) {
      metrics.recordRefused('token');
      reply.code(401).header('www-authenticate', 'Bearer').type('text/plain').send('missing or wrong token');
      return;
    }
    allowOrigin(request, reply, guard);
    const waitSeconds = this.#clientOf(request).waitSeconds();
    if (waitSeconds > 0 || pipelined > this.#limits.maxPipelinedRequests) {
      metrics.recordRefused('rate');
      sendRateLimited(reply, RATE_LIMITED, Math.max(waitSeconds, BUSY_RETRY_SECONDS));
      return;
    }
    done();
  }

  async #answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const { handler, metrics, requests: pool } = this.#modules;
    const encoding = request.headers['content-encoding'] ?? 'identity';
    // Unpacking is where small bodies become large ones; no client packs its requests.
    if (encoding !== 'identity') return reply.code(415).type('text/plain').send('content-encoding is not supported');
    const startMs = performance.now();
    const client = this.#clientOf(request);
    const body = await receiveBody(request.raw, this.#limits, { pool, client });
    try {
      const answer = await handler.handle(textOf(body.bytes), { client, subscriptions: undefined });
      metrics.recordMessage('http', (performance.now() - startMs) / 1_000);
      return this.#send(answer, reply);
    } finally {
      body.release();
    }
  }

  #send(answer: RpcReply, reply: FastifyReply): FastifyReply {
    const { text, retryAfterSeconds } = answer;
    const { raw } = reply;
    const { answerTimeoutMs, minAnswerBytesPerSecond } = this.#limits;
    const timeoutMs = answerTimeoutMs + ((text?.length ?? 0) / minAnswerBytesPerSecond) * 1_000;
    const timer = setTimeout(() => raw.destroy(), timeoutMs);
    raw.once('close', () => {
      clearTimeout(timer);
      answer.release();
    });
    if (retryAfterSeconds !== undefined) return sendRateLimited(reply, text, retryAfterSeconds);
    return text === undefined ? reply.code(204).send() : reply.type('application/json').send(text);
  }

  #clientOf({ raw }: FastifyRequest): Client {
    return this.#modules.clients.of(this.#modules.addresses.ofRequest(raw));
  }

  #countPipelined(socket: Socket, change: 1 | -1): number {
    const count = (this.#pipelined.get(socket) ?? 0) + change;
    this.#pipelined.set(socket, count);
    return count;
  }
}

/** JSON is UTF-8 (RFC 8259): other bytes are left to the parser to refuse, as a text that no JSON begins with. */
function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : '\ufffd';
}

function sendRateLimited(reply: FastifyReply, text: string | undefined, retryAfterSeconds: number): FastifyReply {
  return reply.code(429).header('retry-after', retryAfterSeconds).type('application/json').send(text);
}

/** Tells the browser that the page may read the answer. */
function allowOrigin(request: FastifyRequest, reply: FastifyReply, guard: AccessGuard): void {
  const { origin, 'access-control-request-headers': asked } = request.headers;
  if (origin === undefined) return;
  reply.header('vary', 'Origin');
  if (!guard.allowsOrigin(origin)) return;
  reply.header('access-control-allow-origin', origin);
  reply.header('access-control-allow-methods', 'POST, OPTIONS');
  // Whichever a library sends along, as geth: they mean nothing here.
  reply.header('access-control-allow-headers', asked ?? 'content-type');
  reply.header('access-control-max-age', PREFLIGHT_MAX_AGE_SECONDS);
}

/** Errors before the JSON-RPC handler: too large, not JSON, broken off. */
function sendError(error: FastifyError, reply: FastifyReply, logger: Logger): FastifyReply {
  const status = (isStrobeError(error) ? BODY_STATUSES[error.code] : error.statusCode) ?? 500;
  if (status >= 500 && status !== 503) logger.error({ err: error }, 'JSON-RPC request failed');
  if (status === 503) reply.header('retry-after', BUSY_RETRY_SECONDS);
  return reply
    .code(status)
    .header('connection', 'close')
    .type('text/plain')
    .send(status === 500 ? 'internal error' : error.message);
}
