import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type WebSocket, WebSocketServer } from 'ws';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';

type Request = { id: number; method: string; params: unknown[] };
type RpcError = { code: number; message: string };
type Answer = { result: unknown } | { error: RpcError };

export type FakeNodeOptions = {
  /** How many blocks `safe` is behind; without it the node does not know the tag. */
  readonly blocksBehind?: number;
  /** Answers to `eth_sendRawTransaction` by how many were asked before; undefined takes the transaction. */
  refuse?: (sendNumber: number) => RpcError | undefined;
  /** Transactions (by order of acceptance) that are never included. */
  lose?: (acceptedNumber: number) => boolean;
  /** Transactions (by order of acceptance) that are included with status 0. */
  fail?: (acceptedNumber: number) => boolean;
  hasMiniBlocks?: boolean;
  hasSync?: boolean;
  /** Closes every WebSocket after so many transactions. */
  dropSocketsAfter?: number;
};

const MINI_BLOCK_MS = 5;
const RICH = `0x${(10n ** 22n).toString(16)}`;

/** Just enough of a node: takes transactions without looking into them, includes them in mini-blocks every 5 ms. */
export class FakeNode {
  readonly receipts = new Map<string, { transactionHash: string; status: string; gasUsed: string }>();
  readonly accepted: string[] = [];
  metricsPage = '';
  readonly #options: FakeNodeOptions;
  readonly #http: Server;
  readonly #ws: WebSocketServer;
  readonly #subscribers = new Map<WebSocket, string>();
  #pool: { hash: string; status: string }[] = [];
  #sends = 0;
  #blocks: string[][] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(options: FakeNodeOptions = {}) {
    this.#options = { hasMiniBlocks: true, hasSync: true, ...options };
    this.#http = createServer((request, response) => {
      if (request.url === '/metrics') {
        response.end(this.metricsPage);
        return;
      }
      readJson(request).then(
        (body) => response.end(JSON.stringify(this.#answerAll(body))),
        () => response.destroy(),
      );
    });
    this.#ws = new WebSocketServer({ server: this.#http });
    this.#ws.on('connection', (socket) => {
      socket.on('message', (data) => socket.send(JSON.stringify(this.#answerAll(JSON.parse(data.toString()), socket))));
      socket.on('close', () => this.#subscribers.delete(socket));
    });
  }

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#http.listen(0, '127.0.0.1', resolve));
    this.#timer = setInterval(() => this.#seal(), MINI_BLOCK_MS);
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const socket of this.#ws.clients) socket.terminate();
    this.#http.closeAllConnections();
    await new Promise((resolve) => this.#http.close(resolve));
  }

  /** Makes the transactions visible here, as a replica would after its sequencer. */
  include(hashes: string[]): void {
    for (const hash of hashes) this.#pool.push({ hash, status: '0x1' });
  }

  #answerAll(body: Request | Request[], socket?: WebSocket): unknown {
    const one = (request: Request): unknown => ({ jsonrpc: '2.0', id: request.id, ...this.#answer(request, socket) });
    return Array.isArray(body) ? body.map(one) : one(body);
  }

  #answer({ method, params }: Request, socket?: WebSocket): Answer {
    switch (method) {
      case 'eth_chainId':
        return { result: '0x67932' };
      case 'eth_maxPriorityFeePerGas':
        return { result: '0x1' };
      case 'eth_getBalance':
        return { result: RICH };
      case 'eth_getTransactionCount':
        return { result: '0x0' };
      case 'eth_blockNumber':
        return { result: quantity(this.#blocks.length) };
      case 'eth_getBlockTransactionCountByNumber':
        return { result: quantity(this.#blocks[Number(params[0]) - 1]?.length ?? 0) };
      case 'eth_getBlockByNumber':
        if (params[0] === 'safe') return this.#safeBlock();
        return { result: { baseFeePerGas: '0x7', transactions: this.#blocks[Number(params[0]) - 1] ?? [] } };
      case 'eth_getTransactionReceipt':
        return { result: this.receipts.get(params[0] as string) ?? null };
      case 'eth_sendRawTransaction':
        return this.#take(params[0] as `0x${string}`);
      case 'eth_sendRawTransactionSync':
        return this.#takeSync(params[0] as `0x${string}`);
      case 'eth_subscribe':
        return this.#subscribe(params[0] as string, socket);
      default:
        return { error: { code: -32601, message: `the method ${method} does not exist` } };
    }
  }

  #safeBlock(): Answer {
    const { blocksBehind } = this.#options;
    if (blocksBehind === undefined) return { error: { code: -32602, message: 'no such tag' } };
    const safe = this.#blocks.length - blocksBehind;
    return safe > 0 ? { result: { number: quantity(safe) } } : { error: { code: -39001, message: 'safe block not found' } };
  }

  #subscribe(kind: string, socket: WebSocket | undefined): Answer {
    if (kind === 'miniBlocks' && !this.#options.hasMiniBlocks)
      return { error: { code: -32602, message: 'no such subscription' } };
    if (socket) this.#subscribers.set(socket, kind);
    return { result: '0x1' };
  }

  #take(raw: `0x${string}`): Answer {
    const error = this.#options.refuse?.(this.#sends++);
    if (error) return { error };
    const hash = toHex(keccak256(fromHex(raw)));
    const acceptedNumber = this.accepted.length;
    this.accepted.push(hash);
    if (!this.#options.lose?.(acceptedNumber)) {
      this.#pool.push({ hash, status: this.#options.fail?.(acceptedNumber) ? '0x0' : '0x1' });
    }
    if (this.accepted.length === this.#options.dropSocketsAfter) for (const socket of this.#ws.clients) socket.terminate();
    return { result: hash };
  }

  #takeSync(raw: `0x${string}`): Answer {
    if (!this.#options.hasSync) return { error: { code: -32601, message: 'no' } };
    return { result: { transactionHash: toHex(keccak256(fromHex(raw))), status: '0x1' } };
  }

  #seal(): void {
    if (this.#pool.length === 0) return;
    const pool = this.#pool;
    this.#pool = [];
    this.#blocks.push(pool.map(({ hash }) => hash));
    for (const { hash, status } of pool) this.receipts.set(hash, { transactionHash: hash, status, gasUsed: '0x5208' });
    for (const [socket, kind] of this.#subscribers) {
      const params = {
        subscription: '0x1',
        result: kind === 'miniBlocks' ? this.#miniBlock() : { number: quantity(this.#blocks.length) },
      };
      socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'eth_subscription', params }));
    }
  }

  #miniBlock(): unknown {
    const number = this.#blocks.length;
    // 10 ms apart by its own clock; every second one lists objects, both forms are allowed.
    const hashes = this.#blocks[number - 1] ?? [];
    const transactions = number % 2 === 0 ? hashes.map((hash) => ({ hash })) : hashes;
    return { mini_block_number: number, mini_block_timestamp: 1_000_000 + number * 10_000, transactions, receipts: [] };
  }
}

function quantity(value: number): string {
  return `0x${value.toString(16)}`;
}

async function readJson(request: IncomingMessage): Promise<Request | Request[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return JSON.parse(Buffer.concat(chunks).toString()) as Request | Request[];
}
