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

/**
 * The state root to which a diff leads from another, by the part of the state trie that a witness has. A node that it lacks
 * throws MISSING_TRIE_NODE: it never reads as an absent key.
 * @param diff has each address once, as the canonical bytes do
 * @param maxBytes most memory that it takes, {@link MAX_MEMORY_BYTES} at most
 * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_RLP (an account), WITNESS_TOO_LARGE
 */
export function rootAfter(witness: WitnessNodes, root: Hash, diff: StateDiff, maxBytes = MAX_MEMORY_BYTES): Hash {
  if (witness.bytes.length + witness.nodes.length * NODE_BYTES > maxBytes) throw tooLarge();
  const module = openModule(maxBytes);
  try {
    load(module, witness);
    new Uint8Array(module.memory.buffer, module.ROOT.value, HASH_BYTES).set(root);
    module.openRoot();
    const input = new DiffInput(module);
    for (const account of diff.accounts) input.apply(account);
    module.updateRoot();
    return hashAt(module, module.ROOT.value);
  } catch (error) {
    throw error instanceof WebAssembly.RuntimeError ? reasonOf(module, error) : error;
  }
}

/** An instance for every check: what one left behind is not there in the next, and its memory goes with it. */
function openModule(maxBytes: number): WitnessTrieExports {
  // Compiled once per thread: instances are cheap.
  compiled ??= new WebAssembly.Module(Buffer.from(WITNESS_TRIE_WASM, 'base64'));
  const module = new WebAssembly.Instance(compiled).exports as unknown as WitnessTrieExports;
  module.open(Math.floor(maxBytes / PAGE_BYTES));
  return module;
}

function load(module: WitnessTrieExports, { bytes, nodes }: WitnessNodes): void {
  const at = module.reserveWitness(bytes.length, nodes.length, randomBytes(8).readBigInt64LE());
  const table = new Uint32Array(module.memory.buffer, at, nodes.length * 2);
  for (const [i, node] of nodes.entries()) {
    table[i * 2] = node.byteOffset - bytes.byteOffset;
    table[i * 2 + 1] = node.length;
  }
  new Uint8Array(module.memory.buffer, at + table.byteLength, bytes.length).set(bytes);
  module.indexNodes();
}

function hashAt(module: WitnessTrieExports, at: number): Hash {
  return new Uint8Array(module.memory.buffer, at, HASH_BYTES).slice();
}

function reasonOf(module: WitnessTrieExports, cause: WebAssembly.RuntimeError): StrobeError {
  switch (module.failure()) {
    case MISSING_NODE: {
      const meta = { hash: toHex(hashAt(module, module.missingHash())), depth: module.missingDepth() };
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

function tooLarge(cause?: unknown): StrobeError<'WITNESS_TOO_LARGE'> {
  return new StrobeError('WITNESS_TOO_LARGE', 'the memory of the check is too small', {}, { cause });
}
