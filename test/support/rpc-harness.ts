import { privateKeyToAccount } from 'viem/accounts';
import WebSocket from 'ws';
import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import { createRpcServer, type RpcAddress, type RpcServer, type RpcServerOptions } from '../../src/rpc/server.ts';
import type { Hex } from '../../src/util/bytes.ts';
import { fromHex } from '../../src/util/bytes.ts';
import { BASE_FEE_FLOOR_WEI, CHAIN_ID, FakeChain } from './fake-backend.ts';

export const ALICE = privateKeyToAccount(`0x${'a1'.repeat(32)}`);
export const BOB = privateKeyToAccount(`0x${'b0'.repeat(32)}`);
export const INITIAL_BALANCE = 10n ** 20n;

export interface RpcAnswer {
  readonly jsonrpc: string;
  readonly id: unknown;
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  readonly result?: any;
  readonly error?: { readonly code: number; readonly message: string; readonly data?: unknown };
}

/** A server over a fake chain in which Alice has funds. */
export class RpcHarness {
  readonly chain = new FakeChain();
  readonly metrics = createMetrics();
  readonly server: RpcServer;
  address: RpcAddress = { host: '', port: 0 };
  readonly #sockets: WebSocket[] = [];

  constructor(options: Partial<RpcServerOptions> = {}) {
    this.chain.fund(fromHex(ALICE.address), INITIAL_BALANCE);
    const defaults = { host: '127.0.0.1', port: 0, baseFeeFloorWei: BASE_FEE_FLOOR_WEI };
    const logger = createLogger({ level: 'silent', format: 'json' });
    this.server = createRpcServer({ ...defaults, ...options }, { backend: this.chain.backend, logger, metrics: this.metrics });
  }

  async start(): Promise<this> {
    this.address = await this.server.start();
    return this;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.terminate();
    await this.server.stop();
  }

  /** The value of a metric by its name and labels as they are exposed. */
  async metric(name: string): Promise<number | undefined> {
    const { body } = await this.metrics.expose();
    const line = body.split('\n').find((candidate) => candidate.startsWith(`strobe_${name} `));
    return line === undefined ? undefined : Number(line.split(' ')[1]);
  }

  get httpUrl(): string {
    return `http://127.0.0.1:${this.address.port}`;
  }

  get wsUrl(): string {
    return `ws://127.0.0.1:${this.address.port}`;
  }

  /** Posts text and gives the response as it is. */
  post(body: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(this.httpUrl, { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } });
  }

  /** Posts text that has an answer. */
  async answer(body: string): Promise<RpcAnswer> {
    return (await (await this.post(body)).json()) as RpcAnswer;
  }

  call(method: string, ...params: unknown[]): Promise<RpcAnswer> {
    return this.answer(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }));
  }

  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  async result(method: string, ...params: unknown[]): Promise<any> {
    const { result, error } = await this.call(method, ...params);
    if (error !== undefined) throw new TypeError(`${method}: ${error.code} ${error.message}`);
    return result;
  }

  async connect(headers: Record<string, string> = {}): Promise<RpcSocket> {
    const socket = new WebSocket(this.wsUrl, { headers });
    this.#sockets.push(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new RpcSocket(socket);
  }
}

/** A WebSocket client that keeps everything it is sent. */
export class RpcSocket {
  readonly socket: WebSocket;
  /** Messages in order of arrival. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into messages of every shape
  readonly messages: any[] = [];
  readonly closed: Promise<{ code: number; reason: string }>;
  #nextId = 1;
  #onMessage: () => void = () => {};

  constructor(socket: WebSocket) {
    this.socket = socket;
    socket.on('message', (data) => {
      this.messages.push(JSON.parse(String(data)));
      this.#onMessage();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', (code, reason) => resolve({ code, reason: String(reason) }));
    });
  }

  async call(method: string, ...params: unknown[]): Promise<RpcAnswer> {
    const id = this.#nextId++;
    this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    return this.until(() => this.messages.find((message) => message.id === id));
  }

  async subscribe(...params: unknown[]): Promise<string> {
    const { result, error } = await this.call('eth_subscribe', ...params);
    if (error !== undefined) throw new TypeError(`eth_subscribe: ${error.code} ${error.message}`);
    return result;
  }

  /** What a subscription has pushed so far. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  pushes(id: string): any[] {
    return this.messages.filter(({ params }) => params?.subscription === id).map(({ params }) => params.result);
  }

  /** The first `count` pushes of a subscription. */
  // biome-ignore lint/suspicious/noExplicitAny: tests look into results of every shape
  nextPushes(id: string, count: number): Promise<any[]> {
    return this.until(() => (this.pushes(id).length >= count ? this.pushes(id) : undefined));
  }

  /** Resolves with the first defined value that `probe` gives after a message. */
  until<T>(probe: () => T | undefined): Promise<T> {
    return new Promise((resolve) => {
      const look = (): void => {
        const value = probe();
        if (value !== undefined) resolve(value);
      };
      this.#onMessage = look;
      look();
    });
  }
}

interface TransactionFields {
  readonly nonce?: number;
  readonly to?: Hex | null;
  readonly value?: bigint;
  readonly data?: Hex;
  readonly gasPrice?: bigint;
  readonly tip?: bigint;
}

/** A transaction of Alice, signed. */
export function signTransfer({
  nonce = 0,
  to = BOB.address,
  value = 1n,
  data = '0x',
  tip = 1n,
}: TransactionFields = {}): Promise<Hex> {
  return ALICE.signTransaction({
    type: 'eip1559',
    chainId: CHAIN_ID,
    nonce,
    gas: 100_000n,
    maxFeePerGas: 2_000_000n,
    maxPriorityFeePerGas: tip,
    ...(to === null ? {} : { to }),
    value,
    data,
  });
}

/** One of Alice's of each other type: legacy with and without EIP-155, access list, set code. */
export async function signEveryType(firstNonce: number): Promise<Hex[]> {
  const common = { gas: 100_000n, to: BOB.address, value: 1n } as const;
  const accessList = [{ address: BOB.address, storageKeys: [`0x${'05'.repeat(32)}` as const] }];
  const authorization = await BOB.signAuthorization({ address: ALICE.address, chainId: CHAIN_ID, nonce: 0 });
  return Promise.all([
    ALICE.signTransaction({ ...common, type: 'legacy', chainId: CHAIN_ID, nonce: firstNonce, gasPrice: 2_000_000n }),
    ALICE.signTransaction({ ...common, type: 'legacy', nonce: firstNonce + 1, gasPrice: 2_000_000n }),
    ALICE.signTransaction({
      ...common,
      type: 'eip2930',
      chainId: CHAIN_ID,
      nonce: firstNonce + 2,
      gasPrice: 2_000_000n,
      accessList,
    }),
    ALICE.signTransaction({
      ...common,
      type: 'eip7702',
      chainId: CHAIN_ID,
      nonce: firstNonce + 3,
      maxFeePerGas: 2_000_000n,
      maxPriorityFeePerGas: 1n,
      accessList,
      authorizationList: [authorization],
    }),
  ]);
}
