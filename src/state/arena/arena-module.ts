import { randomBytes } from 'node:crypto';
import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import type { DiffModule } from '../diff-input.ts';
import { ARENA_WASM } from './arena-wasm.ts';

/** Address of a record, or of bytes, in the memory of a module; 0 stands for none. Above 2 GiB it is negative. */
export type Pointer = number;

/** What assembly/arena.ts exports; its comments are the documentation. */
export interface ArenaExports extends DiffModule {
  readonly NODE: WebAssembly.Global;
  readonly ROOT: WebAssembly.Global;
  hashOne(source: Pointer, blocks: number, target: Pointer): void;
  hashTwo(sourceA: Pointer, sourceB: Pointer, blocks: number, targetA: Pointer, targetB: Pointer): void;
  pad(at: Pointer, length: number): void;
  open(secret0: bigint, secret1: bigint, pageLimit: number, hashesSlotKeys: number): void;
  fetchAccounts(count: number): void;
  writeRawSlot(account: Pointer, length: number): void;
  updateRoot(): void;
  startBlock(): number;
  forgetOldest(): number;
  journalBytes(): number;
  look(view: number): void;
  topNode(owner: Pointer): Pointer;
  rootAt(owner: Pointer): Pointer;
  leafOf(top: Pointer): Pointer;
  branchDepth(node: Pointer): number;
  childMask(branch: Pointer): number;
  child(branch: Pointer, nibble: number): Pointer;
  childHash(branch: Pointer, nibble: number): Pointer;
  pathKey(node: Pointer): Pointer;
  encodeNode(node: Pointer, from: number): number;
  encodeBranch(branch: Pointer): number;
  beginNodes(): void;
  reserveKeys(count: number): Pointer;
  collectNodes(owner: Pointer, root: Pointer, count: number): void;
  firstNodes(): Pointer;
  readAccount(account: Pointer): void;
  readSlot(slot: Pointer): number;
  recordCount(kind: number): number;
  bytesInUse(): number;
}

const PAGE_BYTES = 65_536;
/** 4 GiB less a page, so that no address behind a record wraps round. */
export const MAX_ARENA_BYTES = 4 * 1024 ** 3 - PAGE_BYTES;

let compiled: WebAssembly.Module | undefined;

/**
 * A module with a memory of its own, open for use.
 * @param maxBytes largest memory
 * @param hashesSlotKeys false: slot keys are taken as key hashes
 */
export function openArena(maxBytes: number, hashesSlotKeys: boolean): ArenaExports {
  // Compiled once per thread: instances are cheap.
  compiled ??= new WebAssembly.Module(Buffer.from(ARENA_WASM, 'base64'));
  const arena = new WebAssembly.Instance(compiled).exports as ArenaExports;
  const secret = randomBytes(16);
  const pages = Math.floor(Math.min(maxBytes, MAX_ARENA_BYTES) / PAGE_BYTES);
  guarded(arena, () => {
    arena.open(secret.readBigInt64LE(0), secret.readBigInt64LE(8), pages, hashesSlotKeys ? 1 : 0);
  });
  return arena;
}

/**
 * Runs calls that may need memory.
 * @throws StrobeError TRIE_ARENA_FAILED when they trap: the trie is half changed then and of no use any more
 */
export function guarded<Result>(arena: ArenaExports, calls: () => Result): Result {
  try {
    return calls();
  } catch (cause) {
    if (!(cause instanceof WebAssembly.RuntimeError)) throw cause;
    const bytes = arena.memory.buffer.byteLength;
    throw new StrobeError('TRIE_ARENA_FAILED', 'the trie has outgrown its memory, or is corrupt', { bytes }, { cause });
  }
}

/** A copy of bytes of the memory. */
export function bytesAt(arena: ArenaExports, at: Pointer, length: number): Bytes {
  return new Uint8Array(arena.memory.buffer, at >>> 0, length).slice();
}
