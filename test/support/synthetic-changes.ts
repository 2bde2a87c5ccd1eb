import type { Address, Hash } from '../../src/protocol/primitives.ts';
import { type AccountDiff, createStateDiff, type SlotDiff, type StateDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { bigIntToBytes32, concatBytes, padTo32, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

/** Slot of the balance mapping in a token. */
const BALANCES_SLOT = bigIntToBytes32(0n);

/** Values of a load's accounts, and which of them changed since the last diff. Accounts go by number. */
export class SyntheticChanges {
  readonly #nonces = new Map<number, bigint>();
  readonly #balances = new Map<number, bigint>();
  /** By token and then by holder. */
  readonly #tokens = new Map<number, Map<number, bigint>>();
  /** By account and then by hex of the key. */
  readonly #slots = new Map<number, Map<string, bigint>>();
  readonly #before = new Map<number, ValuesBefore>();
  readonly #addresses = new Map<number, Address>();
  readonly #tokenSlots = new Map<number, Hash>();
  #slotWrites = 0;

  /** Keys that were written since the last diff, about. */
  get size(): number {
    return this.#before.size + this.#slotWrites;
  }

  nonceOf(account: number): bigint {
    return this.#nonces.get(account) ?? 0n;
  }

  balanceOf(account: number): bigint {
    return this.#balances.get(account) ?? 0n;
  }

  tokensOf(token: number, holder: number): bigint {
    return this.#tokens.get(token)?.get(holder) ?? 0n;
  }

  nonce(account: number, value: bigint): void {
    const before = this.#beforeOf(account);
    before.nonce ??= this.nonceOf(account);
    this.#nonces.set(account, value);
  }

  balance(account: number, value: bigint): void {
    const before = this.#beforeOf(account);
    before.balance ??= this.balanceOf(account);
    this.#balances.set(account, value);
  }

  token(token: number, holder: number, value: bigint): void {
    this.#write(this.#tokens, token, holder, value, this.#beforeOf(token).tokens);
  }

  slot(account: number, key: Hash, value: bigint): void {
    this.#write(this.#slots, account, toKey(key), value, this.#beforeOf(account).slots);
  }

  #write<Key>(values: Map<number, Map<Key, bigint>>, account: number, key: Key, value: bigint, before: Map<Key, bigint>): void {
    let own = values.get(account);
    if (own === undefined) {
      own = new Map();
      values.set(account, own);
    }
    if (!before.has(key)) before.set(key, own.get(key) ?? 0n);
    own.set(key, value);
    this.#slotWrites++;
  }

  #beforeOf(account: number): ValuesBefore {
    const known = this.#before.get(account);
    if (known !== undefined) return known;
    const fresh: ValuesBefore = { nonce: undefined, balance: undefined, tokens: new Map(), slots: new Map() };
    this.#before.set(account, fresh);
    return fresh;
  }

  /** The net changes since the last one. */
  take(): StateDiff {
    const accounts: AccountDiff[] = [];
    for (const [account, before] of this.#before) {
      const nonce = this.nonceOf(account);
      const balance = this.balanceOf(account);
      const slots = this.#changedSlots(account, before);
      const fields = {
        ...((before.nonce ?? nonce) !== nonce && { nonce }),
        ...((before.balance ?? balance) !== balance && { balance }),
        ...(slots.length > 0 && { slots: sortSlots(slots) }),
      };
      if (Object.keys(fields).length > 0) accounts.push({ address: this.#addressOf(account), ...fields });
    }
    this.#before.clear();
    this.#slotWrites = 0;
    return createStateDiff(accounts, []);
  }

  #changedSlots(account: number, before: ValuesBefore): SlotDiff[] {
    const slots: SlotDiff[] = [];
    for (const [holder, old] of before.tokens) {
      const value = this.tokensOf(account, holder);
      if (value !== old) slots.push({ key: this.#tokenSlotOf(holder), value: bigIntToBytes32(value) });
    }
    for (const [key, old] of before.slots) {
      const value = this.#slots.get(account)?.get(key) ?? 0n;
      if (value !== old) slots.push({ key: bigIntToBytes32(BigInt(`0x${key}`)), value: bigIntToBytes32(value) });
    }
    return slots;
  }

  /** An address that looks like any: 20 bytes of a hash. Kept, as a generator has to keep up with what it feeds. */
  #addressOf(account: number): Address {
    let address = this.#addresses.get(account);
    if (address === undefined) {
      address = keccak256(bigIntToBytes32(BigInt.asUintN(64, BigInt(account)))).subarray(12);
      this.#addresses.set(account, address);
    }
    return address;
  }

  /** Key of a holder's entry in a Solidity mapping. */
  #tokenSlotOf(holder: number): Hash {
    let slot = this.#tokenSlots.get(holder);
    if (slot === undefined) {
      slot = keccak256(concatBytes(padTo32(this.#addressOf(holder)), BALANCES_SLOT));
      this.#tokenSlots.set(holder, slot);
    }
    return slot;
  }
}

/** Values of an account when the last diff was taken, of what was written since. */
interface ValuesBefore {
  nonce: bigint | undefined;
  balance: bigint | undefined;
  /** By holder. */
  readonly tokens: Map<number, bigint>;
  /** By hex of the key. */
  readonly slots: Map<string, bigint>;
}
