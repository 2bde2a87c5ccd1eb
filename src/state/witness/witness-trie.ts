import { randomBytes } from 'node:crypto';
import type { Hash } from '../../protocol/primitives.ts';
import type { StateDiff } from '../../protocol/state-diff.ts';
import { type Bytes, toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import { DiffInput, type DiffModule } from '../diff-input.ts';
import { WITNESS_TRIE_WASM } from './witness-trie-wasm.ts';

/** What assembly/witness-trie.ts exports; its comments are the documentation. */
interface WitnessTrieExports extends DiffModule {
  readonly ROOT: WebAssembly.Global;
  open(pageLimit: number): void;
  reserveWitness(bytes: number, nodes: number, secret: bigint): number;
  indexNodes(): void;
  openRoot(): void;
  updateRoot(): void;
  failure(): number;
  missingHash(): number;
  missingDepth(): number;
}

/** The encoded witness and its nodes, which are views of it. */
export interface WitnessNodes {
  readonly bytes: Bytes;
  readonly nodes: readonly Bytes[];
}

const PAGE_BYTES = 65_536;
/**
 * Largest memory of a check, bytes: addresses have a bit to spare below. A witness of 256 MiB, the largest there may be, whose
 * nodes have 100 bytes and are all needed takes 800 MiB.
 */
const MAX_MEMORY_BYTES = 2 ** 31 - PAGE_BYTES;
/** What a node takes before it is needed: its place and hash, and at most four entries of the index. */
const NODE_BYTES = 8 + 32 + 4 * 4;
const HASH_BYTES = 32;

/** Reasons for a trap (assembly/witness/failure.ts). */
const MISSING_NODE = 1;
const MALFORMED_NODE = 2;
const INVALID_ACCOUNT = 3;

let compiled: WebAssembly.Module | undefined;

/** Of its own for every check: what one left behind is not there in the next, and its memory goes with it. */
function openModule(maxBytes: number): WitnessTrieExports {
  // Compiled once per thread: instances are cheap.
  compiled ??= new WebAssembly.Module(Buffer.from(WITNESS_TRIE_WASM, 'base64'));
  const module = new WebAssembly.Instance(compiled).exports as unknown as WitnessTrieExports;
  module.open(Math.floor(maxBytes / PAGE_BYTES));
  return module;
}

/**
 * The part of the state trie that a witness has, from a root on. A node that it lacks throws MISSING_TRIE_NODE: it never
 * reads as an absent key. After an error every call throws it again.
 */
export class WitnessTrie {
  readonly #module: WitnessTrieExports;
  readonly #input: DiffInput;
  #failure: unknown;

  /**
   * @param maxBytes most memory that it takes, {@link MAX_MEMORY_BYTES} at most
   * @throws StrobeError WITNESS_TOO_LARGE
   */
  constructor(witness: WitnessNodes, root: Hash, maxBytes = MAX_MEMORY_BYTES) {
    if (witness.bytes.length + witness.nodes.length * NODE_BYTES > maxBytes) throw tooLarge();
    this.#module = openModule(maxBytes);
    this.#input = new DiffInput(this.#module);
    this.#run(() => this.#load(witness));
    new Uint8Array(this.#module.memory.buffer, this.#module.ROOT.value, HASH_BYTES).set(root);
    this.#module.openRoot();
  }

  #load({ bytes, nodes }: WitnessNodes): void {
    const module = this.#module;
    const at = module.reserveWitness(bytes.length, nodes.length, randomBytes(8).readBigInt64LE());
    const table = new Uint32Array(module.memory.buffer, at, nodes.length * 2);
    for (const [i, node] of nodes.entries()) {
      table[i * 2] = node.byteOffset - bytes.byteOffset;
      table[i * 2 + 1] = node.length;
    }
    new Uint8Array(module.memory.buffer, at + table.byteLength, bytes.length).set(bytes);
    module.indexNodes();
  }

  /** @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_RLP (an account), WITNESS_TOO_LARGE */
  apply(diff: StateDiff): void {
    this.#run(() => {
      for (const account of diff.accounts) this.#input.apply(account);
    });
  }

  /** The state root after what was applied; to be asked for once, at the end. @throws StrobeError WITNESS_TOO_LARGE */
  root(): Hash {
    this.#run(() => this.#module.updateRoot());
    return this.#bytesAt(this.#module.ROOT.value);
  }

  #bytesAt(at: number): Hash {
    return new Uint8Array(this.#module.memory.buffer, at, HASH_BYTES).slice();
  }

  #run(calls: () => void): void {
    if (this.#failure !== undefined) throw this.#failure;
    try {
      calls();
    } catch (error) {
      this.#failure = error instanceof WebAssembly.RuntimeError ? this.#reason(error) : error;
      throw this.#failure;
    }
  }

  #reason(cause: WebAssembly.RuntimeError): StrobeError {
    switch (this.#module.failure()) {
      case MISSING_NODE: {
        const meta = { hash: toHex(this.#bytesAt(this.#module.missingHash())), depth: this.#module.missingDepth() };
        return new StrobeError('MISSING_TRIE_NODE', 'a trie node on the path is not in the witness', meta);
      }
      case MALFORMED_NODE:
        return new StrobeError('MALFORMED_TRIE_NODE', 'a trie node of the witness is not as one is encoded');
      case INVALID_ACCOUNT:
        return new StrobeError('INVALID_RLP', 'a leaf of the state trie is not an account');
      default:
        return tooLarge(cause);
    }
  }
}

function tooLarge(cause?: unknown): StrobeError<'WITNESS_TOO_LARGE'> {
  return new StrobeError('WITNESS_TOO_LARGE', 'the memory of the check is too small', {}, { cause });
}
