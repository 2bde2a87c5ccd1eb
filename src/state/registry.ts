import type { RegistryMark, RegistryRows } from '../protocol/ports/chain.ts';
import { type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import type { StateDiff } from '../protocol/state-diff.ts';
import { type Bytes, concatBytes, fromKey, toKey } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { keccak256 } from '../util/keccak.ts';

const ACCOUNT_ROW = 0;
const SLOT_ROW = 1;

/**
 * Ids of every account and slot that ever changed, in the order of their first commit (PROTOCOL section 4). Both sides
 * derive the same ids from the same mini-blocks; the digest that seals sign proves it.
 */
export class Registry {
  readonly #accountIds = new Map<string, number>();
  readonly #slotIds = new Map<string, number>();
  readonly #accounts: string[] = [];
  readonly #slots: string[] = [];
  #digest: Hash = ZERO_HASH;

  mark(): RegistryMark {
    return { accounts: this.#accounts.length, slots: this.#slots.length, digest: this.#digest };
  }

  /** Registers what a mini-block changed first: new accounts by address, then new slots by (account id, key). */
  commit(diff: StateDiff): void {
    for (const account of diff.accounts) {
      const key = toKey(account.address);
      if (!this.#accountIds.has(key)) this.#addAccount(key);
    }
    for (const slot of this.#newSlots(diff)) this.#addSlot(slot);
  }

  #newSlots(diff: StateDiff): string[] {
    const fresh: { accountId: number; slot: string }[] = [];
    for (const account of diff.accounts) {
      if (account.slots === undefined) continue;
      const accountId = this.#accountIds.get(toKey(account.address));
      invariant(accountId !== undefined, 'every account of a diff is registered before its slots');
      for (const { key } of account.slots) {
        const slot = slotKey(accountId, key);
        if (!this.#slotIds.has(slot)) fresh.push({ accountId, slot });
      }
    }
    // Slots of one account are sorted by key already, and the sort is stable.
    return fresh.sort((a, b) => a.accountId - b.accountId).map((entry) => entry.slot);
  }

  #addAccount(key: string): void {
    const id = this.#accounts.length;
    this.#accountIds.set(key, id);
    this.#accounts.push(key);
    this.#extendDigest(ACCOUNT_ROW, id, fromKey(key));
  }

  #addSlot(slot: string): void {
    const id = this.#slots.length;
    this.#slotIds.set(slot, id);
    this.#slots.push(slot);
    this.#extendDigest(SLOT_ROW, id, fromKey(slot));
  }

  #extendDigest(kind: number, id: number, key: Bytes): void {
    this.#digest = keccak256(concatBytes(this.#digest, Uint8Array.of(kind), uint64(id), key));
  }

  /** Forgets the rows behind `mark`. */
  truncate(mark: RegistryMark): void {
    for (const key of this.#accounts.splice(mark.accounts)) this.#accountIds.delete(key);
    for (const slot of this.#slots.splice(mark.slots)) this.#slotIds.delete(slot);
    this.#digest = mark.digest;
  }

  rowsSince(mark: Pick<RegistryMark, 'accounts' | 'slots'>): RegistryRows {
    return {
      accounts: this.#accounts.slice(mark.accounts).map(fromKey),
      slots: this.#slots.slice(mark.slots).map((slot) => ({
        accountId: Number.parseInt(slot.slice(0, 16), 16),
        key: fromKey(slot.slice(16)),
      })),
    };
  }

  /** Loads stored rows in id order into an empty registry; `digest` was stored beside them. */
  load(rows: RegistryRows, digest: Hash): void {
    invariant(this.#accounts.length === 0 && this.#slots.length === 0, 'rows are loaded into an empty registry');
    for (const address of rows.accounts) {
      const key = toKey(address);
      this.#accountIds.set(key, this.#accounts.length);
      this.#accounts.push(key);
    }
    for (const { accountId, key } of rows.slots) {
      const slot = slotKey(accountId, key);
      this.#slotIds.set(slot, this.#slots.length);
      this.#slots.push(slot);
    }
    this.#digest = digest;
  }
}

/** 8 bytes of account id and the 32-byte key, as hex. */
function slotKey(accountId: number, key: Hash): string {
  return accountId.toString(16).padStart(16, '0') + toKey(key);
}

function uint64(value: number): Bytes {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}
