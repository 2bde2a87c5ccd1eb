import WebSocket from 'ws';
import { SeededRandom } from '../../src/bench/seeded-random.ts';
import { StrobeError } from '../../src/util/errors.ts';
import type { InProcessSequencer } from './in-process-sequencer.ts';
import { rpc } from './json-rpc.ts';
import { type FuzzRequest, fuzzRequest } from './rpc-fuzz-requests.ts';
import { populate, signTransaction, Words } from './rpc-vocabulary.ts';

/** Settings of a node whose waits and endless loops do not hold the fuzzer up. */
export const FUZZED_NODE_SETTINGS = {
  rpcMaxCallMs: '20',
  rpcSyncTimeoutMs: '5',
  rpcMaxSyncTimeoutMs: '20',
  rpcRealtimeTimeoutMs: '5',
  rpcCallAfterTimeoutMs: '5',
  rpcMaxCallAfterTimeoutMs: '20',
};
/** Requests in one batch at most; some come alone. */
const MAX_BATCH = 40;
/** Messages between two real transactions, so that the chain goes on under the fuzzer. */
const TRANSACTION_EVERY = 40;
/** Messages on one WebSocket before a new one is opened. */
const MESSAGES_PER_SOCKET = 50;
/** Longest answer to one message of the fuzzer; a trace of a call is the longest. */
const MAX_ANSWER_LENGTH = 64 * 1024 * 1024;
/** Longest wait for an answer, ms. */
const ANSWER_TIMEOUT_MS = 60_000;
/** Names what stands in a stack, and places on this machine. */
const TELLS_OF_INSIDE =
  /\n\s+at |node_modules|node:internal|file:\/\/|\.[tj]s:\d+|\/home\/|\/tmp\/|TypeError|RangeError|of undefined/;

interface Answer {
  readonly jsonrpc?: unknown;
  readonly id?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code?: unknown; readonly message?: unknown };
}

/** How many requests ended how: `result`, or the code of the error. */
export interface FuzzReport {
  readonly outcomes: ReadonlyMap<string, number>;
  readonly answeredBytes: number;
}

/** Sends random requests to a node, over HTTP and WebSocket, alone and in batches, and looks at every answer. */
export class RpcFuzzer {
  readonly #node: InProcessSequencer;
  readonly #words: Words;
  readonly #outcomes = new Map<string, number>();
  #answeredBytes = 0;
  #nonce = 0;
  #socket: WebSocket | undefined;

  private constructor(node: InProcessSequencer, words: Words) {
    this.#node = node;
    this.#words = words;
  }

  /** Makes a chain to ask about. The node has {@link FUZZED_NODE_SETTINGS}. */
  static async create(node: InProcessSequencer, seed: number): Promise<RpcFuzzer> {
    return new RpcFuzzer(node, new Words(await populate(node), new SeededRandom(seed)));
  }

  /** @throws StrobeError BAD_ANSWER with the request and its answer */
  async run(count: number, onProgress: (done: number) => void = () => {}): Promise<FuzzReport> {
    let done = 0;
    for (let message = 0; done < count; message++) {
      if (message % TRANSACTION_EVERY === 0) await this.#sendTransaction();
      const length = Math.min(count - done, this.#words.once(3) ? 1 : 1 + this.#words.random.below(MAX_BATCH));
      // One that is damaged takes its whole batch along.
      const mayBeDamaged = length === 1 || this.#words.once(20);
      const requests = Array.from({ length }, (_, id) => fuzzRequest(this.#words, id, { mayBeDamaged }));
      await this.#exchange(requests, message);
      done += length;
      onProgress(done);
    }
    this.#socket?.terminate();
    return { outcomes: this.#outcomes, answeredBytes: this.#answeredBytes };
  }

  async #sendTransaction(): Promise<void> {
    const { accounts, addresses } = this.#words.vocabulary;
    const spec = { nonce: this.#nonce++, to: this.#words.oneOf(addresses), data: this.#words.hex(64) };
    const raw = await signTransaction(this.#words.vocabulary, accounts[1] as (typeof accounts)[number], spec);
    await rpc(this.#node.rpcUrl, 'eth_sendRawTransaction', [raw]);
  }

  async #exchange(requests: readonly FuzzRequest[], message: number): Promise<void> {
    const isBatch = requests.length > 1;
    const text = isBatch ? `[${requests.map((request) => request.text).join(',')}]` : (requests[0] as FuzzRequest).text;
    // An answer over a WebSocket must be one that is told from pushes, and there must be one.
    const isSocket = requests.every(({ hasValidEnvelope }) => hasValidEnvelope) && this.#words.once(4);
    const answer = isSocket ? await this.#askOverSocket(text, message) : await this.#post(text);
    this.#answeredBytes += answer.length;
    if (answer.length > MAX_ANSWER_LENGTH) throw badAnswer('too long', text, answer);
    this.#check(requests, text, answer);
  }

  async #post(body: string): Promise<string> {
    const headers = { 'content-type': 'application/json' };
    const response = await fetch(this.#node.rpcUrl, {
      method: 'POST',
      headers,
      body,
      signal: AbortSignal.timeout(ANSWER_TIMEOUT_MS),
    });
    const text = await response.text();
    if (response.status !== 200 && response.status !== 204) throw badAnswer(`status ${response.status}`, body, text);
    return text;
  }

  async #askOverSocket(text: string, message: number): Promise<string> {
    if (message % MESSAGES_PER_SOCKET === 0) this.#socket?.terminate();
    if (this.#socket?.readyState !== WebSocket.OPEN) {
      this.#socket = new WebSocket(this.#node.rpcUrl.replace('http', 'ws'));
      await new Promise((resolve, reject) => this.#socket?.once('open', resolve).once('error', reject));
    }
    const socket = this.#socket;
    return new Promise((resolve, reject) => {
      const settle = (act: () => void): void => {
        clearTimeout(timer);
        socket.off('message', onMessage).off('close', onClose);
        act();
      };
      const onClose = (code: number): void => settle(() => reject(badAnswer(`closed with ${code}`, text, '')));
      const onMessage = (data: unknown): void => {
        const answer = String(data);
        if (answer.startsWith('{"jsonrpc":"2.0","method":')) this.#refuseInside(text, answer);
        else settle(() => resolve(answer));
      };
      const timer = setTimeout(() => settle(() => reject(badAnswer('none', text, ''))), ANSWER_TIMEOUT_MS);
      socket.on('message', onMessage).on('close', onClose);
      socket.send(text);
    });
  }

  #check(requests: readonly FuzzRequest[], text: string, answer: string): void {
    this.#refuseInside(text, answer);
    const intact = requests.every(({ hasValidEnvelope }) => hasValidEnvelope);
    if (!intact && answer === '') return;
    const parsed = JSON.parse(answer) as Answer | readonly Answer[];
    const answers = Array.isArray(parsed) ? (parsed as readonly Answer[]) : [parsed as Answer];
    if (intact && answers.length !== requests.length) throw badAnswer('another number of answers', text, answer);
    for (const [at, each] of answers.entries()) {
      const request = intact ? requests[at] : undefined;
      if (intact && each.id !== at) throw badAnswer('another id', request?.text ?? text, JSON.stringify(each));
      this.#checkOne(each, request, text);
    }
  }

  #checkOne(answer: Answer, request: FuzzRequest | undefined, text: string): void {
    const { error } = answer;
    const isError = error !== undefined;
    const isSound = isError ? Number.isInteger(error.code) && typeof error.message === 'string' : 'result' in answer;
    if (answer.jsonrpc !== '2.0' || !isSound || isError === 'result' in answer) {
      throw badAnswer('no JSON-RPC', request?.text ?? text, JSON.stringify(answer));
    }
    if (error?.code === -32603) {
      throw badAnswer(`internal error: ${this.#node.complaints.at(-1)}`, request?.text ?? text, JSON.stringify(answer));
    }
    const outcome = isError ? String(error.code) : 'result';
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
    this.#noteId(request, answer.result);
  }

  /** Ids of filters are asked for later on. */
  #noteId(request: FuzzRequest | undefined, result: unknown): void {
    const { ids } = this.#words.vocabulary;
    if (request === undefined || typeof result !== 'string' || !/Filter$|subscribe$/.test(request.method)) return;
    ids.push(result);
    if (ids.length > 20) ids.shift();
  }

  #refuseInside(text: string, answer: string): void {
    const found = TELLS_OF_INSIDE.exec(answer);
    if (found !== null) throw badAnswer(`it says ${found[0]}`, text, answer);
  }
}

function badAnswer(problem: string, request: string, answer: string): StrobeError<'BAD_ANSWER'> {
  const meta = { request: request.slice(0, 2_000), answer: answer.slice(0, 2_000) };
  return new StrobeError('BAD_ANSWER', `${problem}\n  request ${meta.request}\n  answer ${meta.answer}`, meta);
}
