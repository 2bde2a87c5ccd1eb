import type { Common } from '@ethereumjs/common';
import { MerklePatriciaTrie } from '@ethereumjs/mpt';
import { Caches, MerkleStateManager } from '@ethereumjs/statemanager';
import { createAccountFromRLP, type Account as LibraryAccount, Address as LibraryAddress, ValueEncoding } from '@ethereumjs/util';
import { type Account, EMPTY_TRIE_ROOT, type Hash } from '../protocol/primitives.ts';
import { encodeRlp } from '../protocol/rlp.ts';
import { type AccountDiff, createStateDiff, isClearedSlot, type SlotDiff, type StateDiff } from '../protocol/state-diff.ts';
import { type Bytes, padTo32, toKey, trimLeadingZeros } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';
import { type CurrentState, StateChanges } from './state-changes.ts';
import type { WitnessDatabase } from './witness-database.ts';

/**
 * The library's state manager over a witness. Its caches hold every write until {@link WitnessStateManager.applyToTries}:
 * the tries stay those of the pre-state, and keys that returned to their old value cost no node. On the way it notes
 * what was written in each mini-block and in the block, and answers with canonical diffs.
 */
export class WitnessStateManager extends MerkleStateManager {
  readonly #block = new StateChanges();
  #miniBlock = new StateChanges();
  /** Codes put in the open mini-block, linked to an account or not. */
  #codes = new Map<string, Bytes>();
  /** Codes that the diffs of this block list, by hash. */
  readonly #listedCodes = new Map<string, Bytes>();
  readonly #current: CurrentState = {
    account: async (address) => toAccount(await this.getAccount(new LibraryAddress(address))),
    slot: (address, key) => this.#slot(new LibraryAddress(address), key),
  };

  constructor(preStateRoot: Hash, database: WitnessDatabase, common: Common) {
    super({
      common,
      caches: new Caches(),
      trie: new MerklePatriciaTrie({
        db: database,
        valueEncoding: ValueEncoding.Bytes,
        root: preStateRoot,
        useKeyHashing: true,
        common,
      }),
    });
  }

  /** Opens the checkpoint of the whole block: without it the last commit of a transaction would write to the tries. */
  async beginBlock(): Promise<void> {
    await this.checkpoint();
  }

  async beginMiniBlock(): Promise<void> {
    await this.checkpoint();
    this.#miniBlock = new StateChanges();
    this.#codes = new Map();
  }

  /** Undoes the open mini-block. */
  async dropMiniBlock(): Promise<void> {
    await this.revert();
  }

  /**
   * Ends the open mini-block and gives its net diff. Whether a code is new to the chain cannot be seen from one block,
   * so of the codes that its accounts now have those are listed that `claimedCodes` (by the hex of their hash) lists;
   * one that is withheld leaves replicas without it, but changes no root.
   */
  async endMiniBlock(claimedCodes: ReadonlyMap<string, Bytes>): Promise<StateDiff> {
    await this.commit();
    const accounts = await this.#miniBlock.net(this.#current);
    const codes: Bytes[] = [];
    for (const { codeHash } of accounts) {
      const key = codeHash === undefined ? '' : toKey(codeHash);
      const code = this.#codes.get(key);
      if (code === undefined || !claimedCodes.has(key) || this.#listedCodes.has(key)) continue;
      this.#listedCodes.set(key, code);
      codes.push(code);
    }
    return createStateDiff(accounts, codes);
  }

  /** Net diff of the mini-blocks that were ended. */
  async blockDiff(): Promise<StateDiff> {
    return createStateDiff(await this.#block.net(this.#current), [...this.#listedCodes.values()]);
  }

  /**
   * Applies the block's net diff to the tries, and gives their root. Once, at the end.
   * @throws StrobeError WITNESS_INCOMPLETE
   */
  async applyToTries(diff: StateDiff): Promise<Hash> {
    for (const account of diff.accounts) {
      if (account.deleted) await this._trie.del(account.address);
      else await this.#writeLeaf(account);
    }
    return this._trie.root();
  }

  async #writeLeaf({ address, slots }: AccountDiff): Promise<void> {
    const account = await this.getAccount(new LibraryAddress(address));
    invariant(account !== undefined, 'a changed account that is not deleted exists');
    const before = await this._trie.get(address);
    const storageRoot = before === null ? EMPTY_TRIE_ROOT : createAccountFromRLP(before).storageRoot;
    account.storageRoot = slots === undefined ? storageRoot : await this.#writeSlots(storageRoot, slots);
    await this._trie.put(address, account.serialize());
  }

  async #writeSlots(storageRoot: Hash, slots: readonly SlotDiff[]): Promise<Hash> {
    const trie = this._trie.shallowCopy(false);
    trie.root(storageRoot);
    for (const slot of slots) {
      if (isClearedSlot(slot)) await trie.del(slot.key);
      else await trie.put(slot.key, encodeRlp(trimLeadingZeros(slot.value)));
    }
    return trie.root();
  }

  override async putAccount(address: LibraryAddress, account: LibraryAccount | undefined): Promise<void> {
    await this.#noteAccount(address);
    await super.putAccount(address, account);
  }

  override async deleteAccount(address: LibraryAddress): Promise<void> {
    await this.#noteAccount(address);
    await super.deleteAccount(address);
  }

  override async putStorage(address: LibraryAddress, key: Hash, value: Bytes): Promise<void> {
    await this.#noteAccount(address);
    if (!this.#miniBlock.hasSlot(address.bytes, key)) {
      const before = await this.#slot(address, key);
      this.#miniBlock.noteSlot(address.bytes, key, before);
      if (!this.#block.hasSlot(address.bytes, key)) this.#block.noteSlot(address.bytes, key, before);
    }
    await super.putStorage(address, key, value);
  }

  override async putCode(address: LibraryAddress, code: Bytes): Promise<void> {
    if (code.length > 0) this.#codes.set(toKey(keccak256(code)), code);
    await super.putCode(address, code);
  }

  /** The library's own version loses the errors of a trie: its promise never settles then. */
  protected override async _modifyContractStorage(
    address: LibraryAddress,
    account: LibraryAccount,
    modifyTrie: (storageTrie: MerklePatriciaTrie, done: () => void) => void | Promise<void>,
  ): Promise<void> {
    const storageTrie = this._getStorageTrie(address, account);
    await modifyTrie(storageTrie, () => {});
    account.storageRoot = storageTrie.root();
    await this.putAccount(address, account);
  }

  async #noteAccount(address: LibraryAddress): Promise<void> {
    if (this.#miniBlock.hasAccount(address.bytes)) return;
    const before = toAccount(await this.getAccount(address));
    this.#miniBlock.noteAccount(address.bytes, before);
    if (!this.#block.hasAccount(address.bytes)) this.#block.noteAccount(address.bytes, before);
  }

  async #slot(address: LibraryAddress, key: Hash): Promise<Hash> {
    return padTo32(await this.getStorage(address, key));
  }
}

function toAccount(account: LibraryAccount | undefined): Account | undefined {
  if (account === undefined) return undefined;
  const { nonce, balance, codeHash } = account;
  return { nonce, balance, codeHash };
}
