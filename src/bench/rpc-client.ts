import http from 'node:http';
import https from 'node:https';
import { errorMessage, StrobeError } from '../util/errors.ts';

export type RpcFailure = { code: number | string; message: string };
export type RpcAnswer = { id?: unknown; result?: unknown; error?: RpcFailure };

/** Longer than any single answer takes on a healthy node; a dead one must not hang the run. */
const REQUEST_TIMEOUT_MS = 30_000;
/** A batch of receipts is a few MiB; anything far above is not an answer we asked for. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;

/**
 * JSON-RPC over keep-alive HTTP. `node:http` with an Agent costs 100-150 µs of CPU for a batch of 50, the built-in
 * `fetch` 330-490 µs, and the driver shares its cores with the node it measures.
 */
export class RpcClient {
  readonly #url: URL;
  readonly #agent: http.Agent;
  readonly #request: typeof http.request;

  constructor(url: string, maxSockets: number) {
    this.#url = new URL(url);
    const secure = this.#url.protocol === 'https:';
    this.#agent = new (secure ? https : http).Agent({ keepAlive: true, maxSockets });
    this.#request = secure ? https.request : http.request;
  }

  /**
   * @throws StrobeError BENCH_RPC_ERROR (the node's own error code in `meta.code`), or as {@link RpcClient.post}
   */
  async call(method: string, params: readonly unknown[]): Promise<unknown> {
    const answer = parseAnswer(await this.post(requestText(method, params, 1))) as RpcAnswer;
    if (answer.error) throw rpcError(method, answer.error);
    return answer.result;
  }

  /** One answer per call, in the order of the calls; errors are answers here. */
  async batch(calls: readonly { method: string; params: readonly unknown[] }[]): Promise<RpcAnswer[]> {
    if (calls.length === 0) return [];
    const text = `[${calls.map(({ method, params }, id) => requestText(method, params, id)).join(',')}]`;
    const answers = parseAnswer(await this.post(text));
    if (!Array.isArray(answers)) {
      throw rpcError(`batch of ${calls[0]?.method}`, (answers as RpcAnswer).error ?? { code: 'none', message: 'no array' });
    }
    const byId = new Map((answers as RpcAnswer[]).map((answer) => [answer.id, answer]));
    return calls.map((_, id) => byId.get(id) ?? { id, error: { code: 'none', message: 'no answer in the batch' } });
  }

  /**
   * Sends a JSON body and gives the response's text.
   * @throws StrobeError BENCH_RPC_UNREACHABLE for transport failures and BENCH_HTTP_STATUS for statuses other than 200
   */
  post(body: string | Buffer): Promise<string> {
    return new Promise((resolve, reject) => {
      const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
      const request = this.#request(
        this.#url,
        { method: 'POST', agent: this.#agent, headers, timeout: REQUEST_TIMEOUT_MS },
        (response) => readBody(response).then(resolve, (error: unknown) => reject(this.#unreachable(error))),
      );
      request.on('timeout', () => request.destroy(new StrobeError('BENCH_RPC_TIMEOUT', 'no answer in 30 s')));
      request.on('error', (error) => reject(this.#unreachable(error)));
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }

  #unreachable(error: unknown): StrobeError {
    if (error instanceof StrobeError) return error;
    // The origin only: path and query may hold an access key.
    const message = `cannot reach ${this.#url.origin}: ${errorMessage(error)}`;
    return new StrobeError('BENCH_RPC_UNREACHABLE', message, {}, { cause: error });
  }
}

/** Events, not `for await`: this runs once per batch under load. */
function readBody(response: http.IncomingMessage): Promise<string> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    response.on('data', (chunk: Buffer) => {
      size += chunk.length;
      chunks.push(chunk);
      if (size > MAX_RESPONSE_BYTES) response.destroy(new StrobeError('BENCH_RPC_BAD_ANSWER', 'the answer is too large'));
    });
    response.on('error', reject);
    response.on('end', () => {
      const status = response.statusCode ?? 0;
      if (status === 200) resolve(Buffer.concat(chunks, size).toString('utf8'));
      else reject(new StrobeError('BENCH_HTTP_STATUS', `HTTP status ${status}`, { status }));
    });
  });
}

function requestText(method: string, params: readonly unknown[], id: number): string {
  return JSON.stringify({ jsonrpc: '2.0', id, method, params });
}

function parseAnswer(text: string): unknown {
  try {
    const answer: unknown = JSON.parse(text);
    if (typeof answer === 'object' && answer !== null) return answer;
  } catch (cause) {
    throw new StrobeError('BENCH_RPC_BAD_ANSWER', 'the answer is not JSON', {}, { cause });
  }
  throw new StrobeError('BENCH_RPC_BAD_ANSWER', 'the answer is no JSON-RPC object');
}

export function rpcError(method: string, error: RpcFailure): StrobeError<'BENCH_RPC_ERROR'> {
  return new StrobeError('BENCH_RPC_ERROR', `${method}: ${error.message}`, { code: error.code });
}
