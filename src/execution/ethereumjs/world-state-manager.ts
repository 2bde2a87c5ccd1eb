import type { AccountFields, StateManagerInterface } from '@ethereumjs/common';
import { KECCAK256_RLP, Account as LibraryAccount, type Address as LibraryAddress } from '@ethereumjs/util';
import type { WorldState } from '../../protocol/ports/state.ts';
import { type Account, type Address, EMPTY_CODE_HASH, type Hash } from '../../protocol/primitives.ts';
import { type Bytes, bytesEqual, EMPTY_BYTES, padTo32, toHex } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';

/** World states that can say whether an account has storage; for the others EIP-7610 is not checked. */
interface StorageProbe {
  hasStorage(address: Address): boolean;
}

/** Stands for the root of any storage that is not empty: the library only compares it with the empty root (EIP-7610). */
const SOME_STORAGE_ROOT: Hash = new Uint8Array(32).fill(1);

const ABSENT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };

/**
 * A {@link WorldState} as @ethereumjs/vm wants it. Three rules hold it together:
 * - The library changes its account objects in place, so every get makes a new one and every put copies the fields;
 *   sharing them lets a reverted call mint ether.
 * - Methods answer plain values behind a promise type: the library awaits every answer, and awaiting a value costs a
 *   third of what a promise does. Nothing here waits, so execution never leaves the microtask queue.
 * - Original values belong to {@link WorldState.beginTransaction}; the library's clearing of its cache does nothing.
 */
export class WorldStateManager implements StateManagerInterface {
  readonly originalStorageCache: StateManagerInterface['originalStorageCache'];
  #world: WorldState & Partial<StorageProbe>;
  /** Open checkpoints: what {@link WorldStateManager.revertAll} must undo. */
  #depth = 0;

  constructor(world: WorldState) {
    this.#world = world;
    this.originalStorageCache = {
      get: (address, key) => answer(this.#world.getOriginalStorage(address.bytes, key)),
      clear: () => undefined,
    };
  }

  get world(): WorldState {
    return this.#world;
  }

  /** Goes on with another world state; no checkpoint may be open. */
  attach(world: WorldState): void {
    this.#world = world;
    this.#depth = 0;
  }

  /** Drops the writes of every open checkpoint: an execution was aborted in the middle. */
  revertAll(): void {
    for (; this.#depth > 0; this.#depth--) this.#world.revert();
  }

  getAccount(address: LibraryAddress): Promise<LibraryAccount | undefined> {
    const account = this.#world.getAccount(address.bytes);
    return answer(account && this.#toLibrary(address.bytes, account));
  }

  putAccount(address: LibraryAddress, account?: LibraryAccount): Promise<void> {
    if (account === undefined) return this.deleteAccount(address);
    const { nonce, balance, codeHash } = account;
    return answer(this.#world.setAccount(address.bytes, { nonce, balance, codeHash }));
  }

  deleteAccount(address: LibraryAddress): Promise<void> {
    return answer(this.#world.deleteAccount(address.bytes));
  }

  modifyAccountFields(address: LibraryAddress, fields: AccountFields): Promise<void> {
    const { nonce, balance, codeHash } = this.#world.getAccount(address.bytes) ?? ABSENT;
    const account: Account = {
      nonce: fields.nonce ?? nonce,
      balance: fields.balance ?? balance,
      codeHash: fields.codeHash ?? codeHash,
    };
    return answer(this.#world.setAccount(address.bytes, account));
  }

  putCode(address: LibraryAddress, code: Bytes): Promise<void> {
    const codeHash = this.#world.putCode(code);
    const account = this.#world.getAccount(address.bytes) ?? ABSENT;
    return answer(this.#world.setAccount(address.bytes, { ...account, codeHash }));
  }

  /** The same array for the same code: what the jump destination cache goes by. */
  getCode(address: LibraryAddress): Promise<Bytes> {
    const codeHash = this.#world.getAccount(address.bytes)?.codeHash;
    if (codeHash === undefined || isEmptyCode(codeHash)) return answer(EMPTY_BYTES);
    const code = this.#world.getCode(codeHash);
    if (code === undefined) {
      throw new StrobeError('CODE_MISSING', 'the state lacks the code of an account', { codeHash: toHex(codeHash) });
    }
    return answer(code);
  }

  async getCodeSize(address: LibraryAddress): Promise<number> {
    return (await this.getCode(address)).length;
  }

  getStorage(address: LibraryAddress, key: Bytes): Promise<Bytes> {
    return answer(this.#world.getStorage(address.bytes, key));
  }

  putStorage(address: LibraryAddress, key: Bytes, value: Bytes): Promise<void> {
    return answer(this.#world.setStorage(address.bytes, key, padTo32(value)));
  }

  clearStorage(address: LibraryAddress): Promise<void> {
    return answer(this.#world.clearStorage(address.bytes));
  }

  checkpoint(): Promise<void> {
    this.#depth++;
    return answer(this.#world.checkpoint());
  }

  commit(): Promise<void> {
    this.#depth--;
    return answer(this.#world.commit());
  }

  revert(): Promise<void> {
    this.#depth--;
    return answer(this.#world.revert());
  }

  getStateRoot(): Promise<Bytes> {
    throw notFlat('getStateRoot');
  }

  setStateRoot(): Promise<void> {
    throw notFlat('setStateRoot');
  }

  hasStateRoot(): Promise<boolean> {
    throw notFlat('hasStateRoot');
  }

  shallowCopy(): StateManagerInterface {
    throw notFlat('shallowCopy');
  }

  clearCaches(): void {
    // There are none.
  }

  #toLibrary(address: Address, { nonce, balance, codeHash }: Account): LibraryAccount {
    // Only an account without nonce and code can be created upon, so only its storage is ever asked for.
    const probe = nonce === 0n && isEmptyCode(codeHash) && this.#world.hasStorage?.(address) === true;
    return new LibraryAccount(nonce, balance, probe ? SOME_STORAGE_ROOT : KECCAK256_RLP, codeHash);
  }
}

function isEmptyCode(codeHash: Hash): boolean {
  return codeHash === EMPTY_CODE_HASH || bytesEqual(codeHash, EMPTY_CODE_HASH);
}

function answer<Value>(value: Value): Promise<Value> {
  return value as unknown as Promise<Value>;
}

function notFlat(method: string): StrobeError<'NOT_SUPPORTED'> {
  return new StrobeError('NOT_SUPPORTED', `flat state has no ${method}: roots are computed elsewhere`);
}
