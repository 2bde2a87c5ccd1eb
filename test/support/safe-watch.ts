import { setTimeout as delay } from 'node:timers/promises';
import { expect } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { rpc, rpcBatch } from './json-rpc.ts';
import type { TestDevnet } from './test-devnet.ts';
import { waitFor } from './wait-for.ts';

const POLL_MS = 50;
const TELL_TIMEOUT_MS = 20_000;
/** Calls in one batch, below the server's limit of 1,000. */
const BATCH = 200;

interface SafeBlock {
  readonly number: Hex;
  readonly hash: Hex;
}

/**
 * Asks nodes for their `safe` block all the while, whatever is done to them, and compares what they said with the honest
 * chain at the end.
 */
export class SafeWatch {
  readonly #devnet: TestDevnet;
  readonly #names: readonly string[];
  /** By node: the hash that it called safe, by block number, in the order seen. */
  readonly #seen: ReadonlyMap<string, Map<number, Hex>>;
  readonly #faults: string[] = [];
  readonly #loops: Promise<unknown>;
  #isOver = false;

  constructor(devnet: TestDevnet, names: readonly string[]) {
    this.#devnet = devnet;
    this.#names = names;
    this.#seen = new Map(names.map((name) => [name, new Map<number, Hex>()]));
    this.#loops = Promise.all(names.map((name) => this.#watch(name)));
  }

  async #watch(name: string): Promise<void> {
    while (!this.#isOver) {
      const block = await rpc<SafeBlock | null>(this.#devnet.rpcUrl(name), 'eth_getBlockByNumber', ['safe', false]).catch(
        // A node that is killed answers nothing, and so says nothing false.
        () => null,
      );
      if (block !== null) this.#note(name, Number(block.number), block.hash);
      await delay(POLL_MS);
    }
  }

  #note(name: string, number: number, hash: Hex): void {
    const seen = this.#seen.get(name) as Map<number, Hex>;
    const highest = Math.max(-1, ...seen.keys());
    if (number < highest) this.#faults.push(`${name}: safe went from ${highest} back to ${number}`);
    const before = seen.get(number);
    if (before !== undefined && before !== hash) this.#faults.push(`${name}: two blocks ${number} were safe`);
    seen.set(number, hash);
  }

  /** Ends the watch: each node saw more than genesis as safe, never anything that is not on the chain of `reference`. */
  async expectNothingFalse(reference: string): Promise<void> {
    // A chain may be safe everywhere before the next look.
    const hasToldOf = (name: string): boolean => [...(this.#seen.get(name)?.keys() ?? [])].some((number) => number > 0);
    await waitFor(() => this.#names.every(hasToldOf), { what: 'each node tells of a safe block', timeoutMs: TELL_TIMEOUT_MS });
    this.#isOver = true;
    await this.#loops;
    expect(this.#faults).toEqual([]);
    for (const name of this.#names) {
      const seen = [...(this.#seen.get(name) as Map<number, Hex>)];
      for (let start = 0; start < seen.length; start += BATCH) {
        const part = seen.slice(start, start + BATCH);
        const calls = part.map(([number]) => [`0x${number.toString(16)}`, false]);
        const honest = await rpcBatch<SafeBlock>(this.#devnet.rpcUrl(reference), 'eth_getBlockByNumber', calls);
        expect(part.map(([, hash]) => hash)).toEqual(honest.map(({ hash }) => hash));
      }
    }
  }
}
