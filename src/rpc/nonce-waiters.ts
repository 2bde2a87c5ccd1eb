import type { RpcBackend } from '../protocol/ports/chain.ts';
import type { Address } from '../protocol/primitives.ts';
import { toKey } from '../util/bytes.ts';
import { rpcError } from './rpc-error.ts';

interface Wait {
  readonly nonce: bigint;
  readonly resolve: (isReached: boolean) => void;
}

/** Waits for one account. */
interface Watched {
  readonly address: Address;
  readonly waits: Set<Wait>;
}

/** Tells requests when an account's nonce is reached. Looks at the accounts that are waited for, once in a mini-block. */
export class NonceWaiters {
  readonly #maxWaiters: number;
  readonly #backend: Pick<RpcBackend, 'chain' | 'state'>;
  readonly #watched = new Map<string, Watched>();
  #count = 0;
  #unsubscribe: (() => void) | undefined;
  #isStopped = false;

  constructor(options: { readonly maxWaiters: number }, modules: { readonly backend: Pick<RpcBackend, 'chain' | 'state'> }) {
    this.#maxWaiters = options.maxWaiters;
    this.#backend = modules.backend;
  }

  start(): void {
    this.#unsubscribe = this.#backend.chain.subscribe((event) => {
      if (event.kind === 'miniBlock' && this.#count > 0) this.#look();
    });
  }

  /** Ends every wait as if its time were over, and takes no more. */
  stop(): void {
    this.#isStopped = true;
    this.#unsubscribe?.();
    for (const { waits } of this.#watched.values()) for (const { resolve } of waits) resolve(false);
  }

  get count(): number {
    return this.#count;
  }

  /**
   * True as soon as the newest state has the account with at least this nonce; false when the time is over or the server
   * stops.
   * @throws StrobeError LIMIT_EXCEEDED, NOT_AVAILABLE when the server stops
   */
  async reached(address: Address, nonce: bigint, timeoutMs: number): Promise<boolean> {
    if (this.#nonceOf(address) >= nonce) return true;
    if (this.#isStopped) throw rpcError('NOT_AVAILABLE', 'the node is stopping');
    if (this.#count >= this.#maxWaiters) throw rpcError('LIMIT_EXCEEDED', 'too many calls are waiting for a nonce');
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const wait: Wait = { nonce, resolve };
    this.#add(address, wait);
    const timer = setTimeout(() => resolve(false), timeoutMs);
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      this.#remove(address, wait);
    }
  }

  #nonceOf(address: Address): bigint {
    return this.#backend.state.getAccount(address)?.nonce ?? 0n;
  }

  #add(address: Address, wait: Wait): void {
    const key = toKey(address);
    const watched = this.#watched.get(key) ?? { address, waits: new Set() };
    watched.waits.add(wait);
    this.#watched.set(key, watched);
    this.#count++;
  }

  #remove(address: Address, wait: Wait): void {
    const key = toKey(address);
    const waits = this.#watched.get(key)?.waits;
    if (waits?.delete(wait) !== true) return;
    this.#count--;
    if (waits.size === 0) this.#watched.delete(key);
  }

  #look(): void {
    for (const { address, waits } of this.#watched.values()) {
      const nonce = this.#nonceOf(address);
      for (const wait of waits) if (nonce >= wait.nonce) wait.resolve(true);
    }
  }
}
