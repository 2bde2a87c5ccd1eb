import { setImmediate as nextTurn } from 'node:timers/promises';
import { invariant } from '../util/errors.ts';
import type { RpcCaller } from './rpc-caller.ts';
import { internalFailure, knownFailure, type RpcFailure, rpcError } from './rpc-error.ts';
import type { RpcMethod, RpcModules } from './rpc-method.ts';
import type { RpcMetrics } from './rpc-metrics.ts';

/** How long a batch may start requests in one go, ms: other work, a mini-block every 10 ms, gets its turn in between. */
const BATCH_SLICE_MS = 4;

type RequestId = string | number | null;
/** The text of an answer; undefined for a notification, which gets none. */
type Answer = string | undefined;

/** Characters that the answers to one message may still have. */
interface Budget {
  left: number;
}

/** JSON-RPC 2.0: text in, text out, whatever the transport. */
export class JsonRpcHandler {
  readonly #modules: RpcModules;
  readonly #metrics: RpcMetrics;
  readonly #methods: ReadonlyMap<string, RpcMethod>;

  constructor(methods: readonly RpcMethod[], modules: RpcModules & { metrics: RpcMetrics }) {
    this.#modules = modules;
    this.#metrics = modules.metrics;
    this.#methods = new Map(methods.map((method) => [method.name, method]));
  }

  /** Answers a message; undefined when it holds notifications only. Never rejects. */
  async handle(text: string, caller: RpcCaller): Promise<Answer> {
    let message: unknown;
    try {
      message = JSON.parse(text);
    } catch {
      return this.#fail(null, rpcError('PARSE_ERROR', 'parse error'));
    }
    const budget = { left: this.#modules.limits.maxResponseBytes };
    return Array.isArray(message) ? this.#answerBatch(message, caller, budget) : this.#answer(message, caller, budget);
  }

  /** Starts the requests in order, waits for all of them, and answers in the same order. */
  async #answerBatch(items: readonly unknown[], caller: RpcCaller, budget: Budget): Promise<Answer> {
    if (items.length === 0) return this.#fail(null, rpcError('INVALID_REQUEST', 'empty batch'));
    if (items.length > this.#modules.limits.maxBatchItems) {
      return this.#fail(null, rpcError('INVALID_REQUEST', `batch too large: at most ${this.#modules.limits.maxBatchItems}`));
    }
    const started: (Answer | Promise<Answer>)[] = [];
    let sliceEndMs = performance.now() + BATCH_SLICE_MS;
    for (const item of items) {
      started.push(this.#answer(item, caller, budget));
      if (performance.now() < sliceEndMs) continue;
      await nextTurn();
      sliceEndMs = performance.now() + BATCH_SLICE_MS;
    }
    const answers: string[] = [];
    for (const answer of started) {
      const text = await answer;
      if (text !== undefined) answers.push(text);
    }
    return answers.length === 0 ? undefined : `[${answers.join(',')}]`;
  }

  /** Synchronous up to the method's first await; a promise only when the method gave one. */
  #answer(request: unknown, caller: RpcCaller, budget: Budget): Answer | Promise<Answer> {
    if (!isObject(request)) return this.#fail(null, rpcError('INVALID_REQUEST', 'invalid request: expected an object'));
    const { id, method: name } = request;
    const isNotification = id === undefined;
    if (!isNotification && !isRequestId(id)) {
      return this.#fail(null, rpcError('INVALID_REQUEST', 'invalid request: id is a string, a number or null'));
    }
    if (request['jsonrpc'] !== '2.0' || typeof name !== 'string') {
      return this.#fail(id ?? null, rpcError('INVALID_REQUEST', 'invalid request: expected jsonrpc "2.0" and a method'));
    }
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

  #call(method: RpcMethod | undefined, name: string, params: unknown, caller: RpcCaller): unknown {
    try {
      if (method === undefined) {
        throw rpcError('METHOD_NOT_FOUND', `the method ${name.slice(0, 64)} does not exist/is not available`);
      }
      return method.handle(method.parse(positional(params, method.maxParams)), this.#modules, caller);
    } catch (error) {
      return new Failed(error);
    }
  }

  #ignore(method: RpcMethod | undefined): undefined {
    this.#metrics.recordCall(method?.name, true);
    return undefined;
  }

  #succeed(id: RequestId, result: unknown, budget: Budget, method: RpcMethod | undefined): Answer {
    let json: string;
    try {
      json = encodeResult(result);
    } catch (error) {
      return this.#failCall(id, error, method);
    }
    budget.left -= json.length;
    if (budget.left < 0) return this.#failCall(id, rpcError('LIMIT_EXCEEDED', 'response too large'), method);
    this.#metrics.recordCall(method?.name, true);
    return `{"jsonrpc":"2.0","id":${encodeId(id)},"result":${json}}`;
  }

  #failCall(id: RequestId | undefined, error: unknown, method: RpcMethod | undefined): Answer {
    this.#metrics.recordCall(method?.name, false);
    const text = this.#fail(id ?? null, error, method?.name);
    return id === undefined ? undefined : text;
  }

  #fail(id: RequestId, error: unknown, method?: string): string {
    const failure: RpcFailure = knownFailure(error) ?? internalFailure;
    if (failure === internalFailure) this.#modules.logger.error({ err: error, method }, 'JSON-RPC method failed');
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

interface RequestObject {
  readonly id?: unknown;
  readonly method?: unknown;
  readonly [name: string]: unknown;
}

function isObject(value: unknown): value is RequestObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isRequestId(value: unknown): value is RequestId {
  return Number.isFinite(value) || typeof value === 'string' || value === null;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return value instanceof Promise;
}

/** Throws for what is no JSON: a method of ours is wrong then. */
function encodeResult(result: unknown): string {
  const json = JSON.stringify(result) as string | undefined;
  invariant(json !== undefined, 'every method has a result');
  return json;
}

function encodeId(id: RequestId): string {
  return typeof id === 'number' ? String(id) : JSON.stringify(id);
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
