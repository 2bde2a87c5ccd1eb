import { CODEHASH_PREFIX } from '@ethereumjs/statemanager';
import type { BatchDBOp, DB } from '@ethereumjs/util';
import { EMPTY_TRIE_ROOT } from '../protocol/primitives.ts';
import type { Witness } from '../protocol/witness.ts';
import { type Bytes, toKey } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';

const EMPTY_ROOT_KEY = toKey(EMPTY_TRIE_ROOT);
const CODE_PREFIX = toKey(CODEHASH_PREFIX);

/**
 * The trie nodes and codes of a witness as the tries' database, each under the hash computed here: a stranger cannot
 * mislabel one. Nodes of the updated tries are added on top.
 *
 * The trie library takes "Missing node in DB" for the end of a path, and the interpreter turns some errors into failed
 * calls: a witness with a hole would change the outcome instead of ending the proof. So a hole throws WITNESS_INCOMPLETE,
 * and is remembered in {@link WitnessDatabase.fault} and {@link WitnessDatabase.failed} whoever swallows it.
 */
export class WitnessDatabase implements DB<string, Uint8Array> {
  /** Rejects at the first hole that was touched; never resolves. A trie's lock may hang after one. */
  readonly failed: Promise<never>;
  readonly #entries = new Map<string, Bytes>();
  #fault: StrobeError<'WITNESS_INCOMPLETE'> | undefined;
  #fail: (fault: StrobeError) => void = () => {};

  constructor(witness: Pick<Witness, 'nodes' | 'codes'>) {
    for (const node of witness.nodes) this.#entries.set(toKey(keccak256(node)), node);
    for (const code of witness.codes) this.#entries.set(CODE_PREFIX + toKey(keccak256(code)), code);
    this.failed = new Promise((_, reject) => {
      this.#fail = reject;
    });
    // Whoever executes on this database races it; without a race a rejection is not unhandled.
    this.failed.catch(() => {});
  }

  /** The first hole that was touched. */
  get fault(): StrobeError<'WITNESS_INCOMPLETE'> | undefined {
    return this.#fault;
  }

  /** Notes that something is missing in the witness, and gives the error to throw. */
  missing(what: string, key: string): StrobeError<'WITNESS_INCOMPLETE'> {
    const fault = new StrobeError('WITNESS_INCOMPLETE', `the witness lacks a ${what} that the block needs`, { what, key });
    this.#fault ??= fault;
    this.#fail(fault);
    return fault;
  }

  async get(key: string): Promise<Bytes | undefined> {
    const value = this.#entries.get(key);
    // The empty trie has no node, and the library expects to find none.
    if (value !== undefined || key === EMPTY_ROOT_KEY) return value;
    throw this.missing(key.length > EMPTY_ROOT_KEY.length ? 'code' : 'trie node', key);
  }

  async put(key: string, value: Bytes): Promise<void> {
    this.#entries.set(key, value);
  }

  async del(key: string): Promise<void> {
    this.#entries.delete(key);
  }

  async batch(operations: BatchDBOp<string, Uint8Array>[]): Promise<void> {
    for (const operation of operations) {
      if (operation.type === 'put') await this.put(operation.key, operation.value);
      else await this.del(operation.key);
    }
  }

  /** Storage tries read and write the same entries. */
  shallowCopy(): WitnessDatabase {
    return this;
  }

  async open(): Promise<void> {
    // Nothing to open: it is in memory.
  }
}
