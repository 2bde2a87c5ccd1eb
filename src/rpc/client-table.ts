import { TokenBucket } from '../util/token-bucket.ts';
import type { PoolShare } from './byte-pool.ts';
import { clientKey, isLoopback } from './client-address.ts';
import type { RpcLimits } from './limits.ts';

/** Parts of the bound on held requests and answers that one client may use: a single one must not shut out the others. */
const REQUEST_SHARE = 1 / 4;
const ANSWER_SHARE = 1 / 3;

export interface ClientTableOptions {
  readonly limits: RpcLimits;
  /** Count programs on this machine like everyone else. */
  readonly limitLoopback: boolean;
}

/** What one address, or one IPv6 /64, uses of the server. */
export class Client {
  /** Undefined: it may use what it likes. */
  readonly #limits: RpcLimits | undefined;
  readonly #bucket: TokenBucket | undefined;
  readonly requests: PoolShare;
  readonly answers: PoolShare;
  #connections = 0;
  #webSockets = 0;

  constructor(limits: RpcLimits | undefined, nowMs: number) {
    this.#limits = limits;
    this.#bucket = limits && new TokenBucket({ perSecond: limits.ratePerSecond, burst: limits.rateBurst }, nowMs);
    this.requests = { held: 0, max: shareOf(limits?.maxHeldRequestBytes, REQUEST_SHARE, limits?.maxBodyBytes) };
    this.answers = { held: 0, max: shareOf(limits?.maxHeldAnswerBytes, ANSWER_SHARE, limits?.maxResponseBytes) };
  }

  /** Seconds after which it may ask again; 0: now. */
  waitSeconds(): number {
    return this.#bucket === undefined ? 0 : Math.ceil(this.#bucket.missingForMs(1, performance.now()) / 1_000);
  }

  /** Counts what it used, more than it had left too: then it waits the longer. */
  spend(cost: number): void {
    this.#bucket?.spend(cost, performance.now());
  }

  /** False: it has as many as it may. */
  addConnection(): boolean {
    if (this.#connections >= (this.#limits?.maxConnectionsPerClient ?? Number.POSITIVE_INFINITY)) return false;
    this.#connections++;
    return true;
  }

  removeConnection(): void {
    this.#connections--;
  }

  /** False: it has as many as it may. */
  addWebSocket(): boolean {
    if (this.#webSockets >= (this.#limits?.maxWebSocketsPerClient ?? Number.POSITIVE_INFINITY)) return false;
    this.#webSockets++;
    return true;
  }

  removeWebSocket(): void {
    this.#webSockets--;
  }

  /** True while something of it is open: then it must be found again. */
  get isActive(): boolean {
    return this.#connections + this.#webSockets + this.requests.held + this.answers.held > 0;
  }
}

/** At least one of the longest. */
function shareOf(poolBytes: number | undefined, share: number, longest = 0): number {
  return poolBytes === undefined ? Number.POSITIVE_INFINITY : Math.max(poolBytes * share, longest);
}

/** The clients that are known, at most `maxClients` and those that are active. */
export class ClientTable {
  readonly #options: ClientTableOptions;
  /** In order of their last request, so that the quietest is the first to be forgotten. */
  readonly #clients = new Map<string, Client>();
  /** Everyone on this machine, unless they are limited too. */
  readonly #local = new Client(undefined, 0);

  constructor(options: ClientTableOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#clients.size;
  }

  /** @param address as {@link ClientAddresses} gives it */
  of(address: string): Client {
    const { limits, limitLoopback } = this.#options;
    if (!limitLoopback && isLoopback(address)) return this.#local;
    const key = clientKey(address);
    const client = this.#clients.get(key) ?? new Client(limits, performance.now());
    this.#clients.delete(key);
    this.#clients.set(key, client);
    if (this.#clients.size > limits.maxClients) this.#forgetQuietest();
    return client;
  }

  #forgetQuietest(): void {
    for (const [key, client] of this.#clients) {
      if (client.isActive) continue;
      this.#clients.delete(key);
      return;
    }
  }
}
