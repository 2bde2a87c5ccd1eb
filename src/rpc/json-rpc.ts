import { invariant } from '../util/errors.ts';
import { TurnSlice } from '../util/turn-slice.ts';
import type { BytePool } from './byte-pool.ts';
import type { Client } from './client-table.ts';
import {
  encodeId,
  isRequestId,
  isRequestObject,
  MessageFault,
  parseMessage,
  type RequestId,
  type RequestObject,
} from './json-rpc-message.ts';
import { JsonText } from './json-text.ts';
import { costOfBytes, costOfCall } from './request-cost.ts';
import type { RpcCaller } from './rpc-caller.ts';
import { internalFailure, knownFailure, type RpcFailure, rpcError } from './rpc-error.ts';
import type { RpcMethod, RpcModules } from './rpc-method.ts';
import type { RpcMetrics } from './rpc-metrics.ts';
import { AnswerBudget, type RpcReply } from './rpc-reply.ts';

/** How long a batch may start requests in one go, ms: other work, a mini-block every 10 ms, gets its turn in between. */
const BATCH_SLICE_MS = 4;

/** Ids up to this length are not counted: clients have numbers and UUIDs. */
const FREE_ID_LENGTH = 256;

/** The text of an answer; undefined for a notification, which gets none. */
type Answer = string | undefined;

/** One message while it is answered. */
interface Exchange {
  readonly caller: RpcCaller;
  readonly client: Client;
  readonly budget: AnswerBudget;
}

export interface JsonRpcHandlerModules<Modules> {
  /** What methods work with. */
  readonly methods: Modules;
  readonly metrics: RpcMetrics;
  /** Bounds what all answers together hold. */
  readonly answers: BytePool;
}

/** JSON-RPC 2.0: text in, text out, whatever the transport. */
export class JsonRpcHandler<Modules extends Pick<RpcModules, 'limits' | 'logger'> = RpcModules> {
  readonly #modules: JsonRpcHandlerModules<Modules>;
  readonly #methods: ReadonlyMap<string, RpcMethod<unknown, Modules>>;

  constructor(methods: readonly RpcMethod<unknown, Modules>[], modules: JsonRpcHandlerModules<Modules>) {
    this.#modules = modules;
    this.#methods = new Map(methods.map((method) => [method.name, method]));
  }

  /** Answers a message. Never rejects. */
  async handle(text: string, caller: RpcCaller): Promise<RpcReply> {
    const { limits } = this.#modules.methods;
    const { client } = caller;
    const budget = new AnswerBudget({ maxLength: limits.maxResponseBytes }, { pool: this.#modules.answers, client });
    const message = parseMessage(text, limits.maxJsonDepth);
    const retryAfterSeconds = this.#charge(text, message, client);
    const exchange = { caller, client, budget };
    const answer = await (retryAfterSeconds === undefined ? this.#answerAll(message, exchange) : this.#refuseAll(message));
    if (answer !== undefined) client.spend(costOfBytes(answer.length));
    return { text: answer, retryAfterSeconds, release: () => budget.release() };
  }

  /** The seconds that a client has to wait first when it has nothing left; else its bill goes up. */
  #charge(text: string, message: unknown, client: Client): number | undefined {
    const waitSeconds = client.waitSeconds();
    if (waitSeconds > 0) {
      this.#modules.metrics.recordRefused('rate');
      return waitSeconds;
    }
    const calls = requestsOf(message, this.#modules.methods.limits.maxBatchItems);
    client.spend(calls.reduce((sum, request) => sum + costOfCall(request.method), costOfBytes(text.length)));
    return undefined;
  }

  /** Each call of a batch gets its own refusal, so that clients find the ids that they wait for. */
  #refuseAll(message: unknown): Answer {
    const refusal = rpcError('LIMIT_EXCEEDED', 'rate limit exceeded, slow down');
    const requests = requestsOf(message, this.#modules.methods.limits.maxBatchItems);
    if (requests.length === 0) return this.#fail(null, refusal);
    const answers = requests.flatMap(({ id }) => (isRequestId(id) ? [this.#fail(id, refusal)] : []));
    if (answers.length === 0) return undefined;
    return Array.isArray(message) ? `[${answers.join(',')}]` : answers[0];
  }

  async #answerAll(message: unknown, exchange: Exchange): Promise<Answer> {
    if (message instanceof MessageFault) return this.#fail(null, rpcError('PARSE_ERROR', message.problem));
    return Array.isArray(message) ? this.#answerBatch(message, exchange) : this.#answer(message, exchange);
  }

  /** Starts the requests in order, waits for all of them, and answers in the same order. */
  async #answerBatch(items: readonly unknown[], exchange: Exchange): Promise<Answer> {
    const { maxBatchItems } = this.#modules.methods.limits;
    if (items.length === 0) return this.#fail(null, rpcError('INVALID_REQUEST', 'empty batch'));
    if (items.length > maxBatchItems) {
      return this.#fail(null, rpcError('INVALID_REQUEST', `batch too large: at most ${maxBatchItems}`));
    }
    const started: (Answer | Promise<Answer>)[] = [];
    const slice = new TurnSlice(BATCH_SLICE_MS);
    for (const item of items) {
      started.push(this.#answer(item, exchange));
      const turn = slice.pause();
      if (turn !== undefined) await turn;
    }
    const answers: string[] = [];
    for (const answer of started) {
      const text = await answer;
      if (text !== undefined) answers.push(text);
    }
    return answers.length === 0 ? undefined : `[${answers.join(',')}]`;
  }

  /** Synchronous up to the method's first await; a promise only when the method gave one. */
  #answer(request: unknown, { caller, budget }: Exchange): Answer | Promise<Answer> {
    if (!isRequestObject(request)) return this.#fail(null, rpcError('INVALID_REQUEST', 'invalid request: expected an object'));
    const { id, method: name } = request;
    const isNotification = id === undefined;
    if (!isNotification && !isRequestId(id)) {
      return this.#fail(null, rpcError('INVALID_REQUEST', 'invalid request: id is a string, a number or null'));
    }
    if (request['jsonrpc'] !== '2.0' || typeof name !== 'string') {
      return this.#fail(id ?? null, rpcError('INVALID_REQUEST', 'invalid request: expected jsonrpc "2.0" and a method'));
    }
    // A long id is part of the answer's length like a result.
    const refusal = typeof id === 'string' && id.length > FREE_ID_LENGTH ? budget.take(id.length) : undefined;
    if (refusal !== undefined) return this.#fail(null, rpcError('LIMIT_EXCEEDED', refusal));
    const method = this.#methods.get(name);
    const outcome = this.#call(method, name, request['params'], caller);
    if (isPromise(outcome)) {
      return outcome.then(
        (result) => (isNotification ? this.#ignore(method) : this.#succeed(id, result, budget, method)),
        (error: unknown) => this.#failCall(id, error, method),
      );
    }
    if (outcome instanceof Failed) return this.#failCall(id, outcome.error, method);
    return isNotification ? this.#ignore(method) : this.#succeed(id, outcome, budget, method);
  }

  #call(method: RpcMethod<unknown, Modules> | undefined, name: string, params: unknown, caller: RpcCaller): unknown {
    try {
      if (method === undefined) {
        throw rpcError('METHOD_NOT_FOUND', `the method ${name.slice(0, 64)} does not exist/is not available`);
      }
      return method.handle(method.parse(positional(params, method.maxParams)), this.#modules.methods, caller);
    } catch (error) {
      return new Failed(error);
    }
  }

  #ignore(method: Named): undefined {
    this.#modules.metrics.recordCall(method?.name, true);
    return undefined;
  }

  #succeed(id: RequestId, result: unknown, budget: AnswerBudget, method: Named): Answer {
    let json: string;
    try {
      json = encodeResult(result);
    } catch (error) {
      return this.#failCall(id, error, method);
    }
    const refusal = budget.take(json.length);
    if (refusal !== undefined) return this.#failCall(id, rpcError('LIMIT_EXCEEDED', refusal), method);
    this.#modules.metrics.recordCall(method?.name, true);
    return `{"jsonrpc":"2.0","id":${encodeId(id)},"result":${json}}`;
  }

  #failCall(id: RequestId | undefined, error: unknown, method: Named): Answer {
    this.#modules.metrics.recordCall(method?.name, false);
    const text = this.#fail(id ?? null, error, method?.name);
    return id === undefined ? undefined : text;
  }

  #fail(id: RequestId, error: unknown, method?: string): string {
    const failure: RpcFailure = knownFailure(error) ?? internalFailure;
    if (failure === internalFailure) this.#modules.methods.logger.error({ err: error, method }, 'JSON-RPC method failed');
    return `{"jsonrpc":"2.0","id":${encodeId(id)},"error":${JSON.stringify(failure)}}`;
  }
}

/** What a method threw before it returned. */
class Failed {
  readonly error: unknown;

  constructor(error: unknown) {
    this.error = error;
  }
}

type Named = { readonly name: string } | undefined;

/** The requests of a message that are objects; none of a batch that is refused whole. */
function requestsOf(message: unknown, maxBatchItems: number): readonly RequestObject[] {
  if (message instanceof MessageFault) return [];
  if (!Array.isArray(message)) return isRequestObject(message) ? [message] : [];
  return message.length > maxBatchItems ? [] : message.filter(isRequestObject);
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

/** Throws for what is no JSON: a method of ours is wrong then. */
function encodeResult(result: unknown): string {
  if (result instanceof JsonText) return result.text;
  const json = JSON.stringify(result) as string | undefined;
  invariant(json !== undefined, 'every method has a result');
  return json;
}

/** Parameters by position; clients may fill up with nulls, but what we would have to ignore is an error. */
function positional(params: unknown, maxParams: number): readonly unknown[] {
  if (params === undefined || params === null) return [];
  if (!Array.isArray(params)) throw rpcError('INVALID_PARAMS', 'invalid params: expected an array');
  for (let at = maxParams; at < params.length; at++) {
    if (params[at] !== null && params[at] !== undefined) {
      throw rpcError('INVALID_PARAMS', `invalid params: too many arguments, want at most ${maxParams}`);
    }
  }
  return params;
}
