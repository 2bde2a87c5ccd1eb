import { createdContractAddress } from '../../../protocol/contract-address.ts';
import type { StateReader } from '../../../protocol/ports/state.ts';
import type { PrestateTracerSpec } from '../../../protocol/ports/tracing.ts';
import { type Account, type Address, EMPTY_CODE_HASH, type Hash } from '../../../protocol/primitives.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, EMPTY_BYTES, fromKey, isZeroBytes, toHex, toKey } from '../../../util/bytes.ts';
import { quantity } from '../../../util/quantity.ts';
import { delegationTarget, recoverAuthority } from '../authorizations.ts';
import { create2Address, toAddress } from './frame-events.ts';
import { opcodeFacts } from './opcode-table.ts';
import type { OutputBudget } from './output-budget.ts';
import { readMemory, stackItem, type TracedRunState } from './traced-run-state.ts';
import type { Step, Tracer, TraceStart } from './tracer.ts';

/** An account when it was first touched. */
interface PriorAccount {
  readonly account: Account;
  readonly code: Bytes;
  /** Slots when they were first touched, by key. */
  readonly slots: Map<string, Hash>;
}

/** geth's fields of an account (eth/tracers/native/prestate.go); absent: as it was, or not asked for. */
interface AccountJson {
  balance?: string;
  nonce?: number;
  code?: string;
  codeHash?: string;
  storage?: Record<string, string>;
}

const ABSENT: Account = { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
/** Names and fixed fields of an account, and a slot, in characters. */
const ACCOUNT_CHARACTERS = 260;
const SLOT_CHARACTERS = 138;

/** geth's prestateTracer: what the execution touched, as it was before; in diff mode what it changed, before and after. */
export class PrestateTracer implements Tracer {
  readonly #spec: PrestateTracerSpec;
  readonly #budget: OutputBudget;
  readonly #touched = new Map<string, PriorAccount>();
  readonly #created = new Set<string>();
  /** Created and destroyed in the same transaction: others outlive their SELFDESTRUCT (EIP-6780). */
  readonly #deleted = new Set<string>();
  #state: StateReader | undefined;
  #pre: Record<string, AccountJson> = {};
  #post: Record<string, AccountJson> = {};

  constructor(spec: PrestateTracerSpec, budget: OutputBudget) {
    this.#spec = spec;
    this.#budget = budget;
  }

  onStart({ from, to, coinbase, authorizationList, state }: TraceStart): void {
    this.#state = state;
    this.#touch(from);
    if (to === undefined) this.#create(createdContractAddress(from, state.getAccount(from)?.nonce ?? 0n));
    else this.#touchCallee(to);
    this.#touch(coinbase);
    for (const authorization of authorizationList) {
      const authority = recoverAuthority(authorization);
      if (authority !== undefined) this.#touch(authority);
    }
  }

  onStep({ runState, opcode, error }: Step): void {
    if (error !== undefined) return;
    const self = runState.env.address.bytes;
    switch (opcodeFacts(opcode).name) {
      case 'SLOAD':
      case 'SSTORE':
        this.#touchSlot(self, bigIntToBytes32(stackItem(runState, 0)));
        break;
      case 'BALANCE':
      case 'EXTCODESIZE':
      case 'EXTCODECOPY':
      case 'EXTCODEHASH':
        this.#touch(toAddress(stackItem(runState, 0)));
        break;
      case 'SELFDESTRUCT':
        if (this.#created.has(toKey(self))) this.#deleted.add(toKey(self));
        this.#touch(toAddress(stackItem(runState, 0)));
        break;
      case 'CALL':
      case 'CALLCODE':
      case 'DELEGATECALL':
      case 'STATICCALL':
        this.#touchCallee(toAddress(stackItem(runState, 1)));
        break;
      case 'CREATE':
        this.#create(createdContractAddress(self, this.#read(self).nonce));
        break;
      case 'CREATE2':
        this.#create(create2Address(self, bigIntToBytes32(stackItem(runState, 3)), initCode(runState)));
        break;
    }
  }

  onEnd(): void {
    const { diffMode, includeEmpty } = this.#spec;
    for (const [key, prior] of this.#touched) {
      const isUnchanged = diffMode && !this.#deleted.has(key) && !this.#compare(key, prior);
      // Unless asked for, accounts that were empty before are left out (geth).
      if (isUnchanged || (!includeEmpty && isEmpty(prior))) continue;
      this.#pre[`0x${key}`] = this.#describe(prior);
    }
  }

  result(): string {
    return JSON.stringify(this.#spec.diffMode ? { post: this.#post, pre: this.#pre } : this.#pre);
  }

  /** Notes what became of an account, and keeps of its prior slots those that changed; false: nothing changed. */
  #compare(key: string, { account, code, slots }: PriorAccount): boolean {
    const { disableCode } = this.#spec;
    const address = fromKey(key);
    const now = this.#read(address);
    const changes: AccountJson = {};
    if (now.balance !== account.balance) changes.balance = quantity(now.balance);
    if (now.nonce !== account.nonce) changes.nonce = Number(now.nonce);
    if (!bytesEqual(now.codeHash, account.codeHash)) {
      changes.codeHash = toHex(now.codeHash);
      const codeNow = this.#codeOf(now);
      if (!disableCode && !bytesEqual(codeNow, code)) {
        this.#budget.spend(2 * codeNow.length);
        changes.code = toHex(codeNow);
      }
    }
    const written: Record<string, string> = {};
    let isModified = Object.keys(changes).length > 0;
    for (const [slot, before] of [...slots]) {
      const after = (this.#state as StateReader).getStorage(address, fromKey(slot));
      const isChanged = !bytesEqual(before, after);
      isModified ||= isChanged;
      if (isChanged && !isZeroBytes(after)) written[`0x${slot}`] = toHex(after);
      if (!isChanged || isZeroBytes(before)) slots.delete(slot);
    }
    if (!isModified) return false;
    this.#budget.spend(ACCOUNT_CHARACTERS + SLOT_CHARACTERS * Object.keys(written).length);
    this.#post[`0x${key}`] = { ...changes, ...(Object.keys(written).length > 0 && { storage: written }) };
    return true;
  }

  #describe({ account, code, slots }: PriorAccount): AccountJson {
    const { disableCode } = this.#spec;
    return {
      balance: quantity(account.balance),
      ...(account.nonce > 0n && { nonce: Number(account.nonce) }),
      ...(code.length > 0 && !disableCode && { code: toHex(code) }),
      ...(code.length > 0 && { codeHash: toHex(account.codeHash) }),
      ...(slots.size > 0 && { storage: Object.fromEntries([...slots].map(([key, value]) => [`0x${key}`, toHex(value)])) }),
    };
  }

  #create(address: Address): void {
    this.#touch(address);
    this.#created.add(toKey(address));
  }

  /** Also of whom an account delegates to (EIP-7702): that code runs. */
  #touchCallee(address: Address): void {
    this.#touch(address);
    const target = delegationTarget(this.#codeOf(this.#read(address)));
    if (target !== undefined) this.#touch(target);
  }

  #touch(address: Address): PriorAccount {
    const key = toKey(address);
    const known = this.#touched.get(key);
    if (known !== undefined) return known;
    const account = this.#read(address);
    const code = this.#codeOf(account);
    this.#budget.spend(ACCOUNT_CHARACTERS + (this.#spec.disableCode ? 0 : 2 * code.length));
    const prior = { account, code, slots: new Map<string, Hash>() };
    this.#touched.set(key, prior);
    return prior;
  }

  #touchSlot(address: Address, slot: Hash): void {
    if (this.#spec.disableStorage) return;
    const { slots } = this.#touch(address);
    const key = toKey(slot);
    if (slots.has(key)) return;
    this.#budget.spend(SLOT_CHARACTERS);
    slots.set(key, (this.#state as StateReader).getStorage(address, slot));
  }

  #read(address: Address): Account {
    return (this.#state as StateReader).getAccount(address) ?? ABSENT;
  }

  #codeOf({ codeHash }: Account): Bytes {
    return bytesEqual(codeHash, EMPTY_CODE_HASH) ? EMPTY_BYTES : ((this.#state as StateReader).getCode(codeHash) ?? EMPTY_BYTES);
  }
}

function isEmpty({ account, code }: PriorAccount): boolean {
  return account.nonce === 0n && account.balance === 0n && code.length === 0;
}

function initCode(runState: TracedRunState): Bytes {
  return readMemory(runState, Number(stackItem(runState, 1)), Number(stackItem(runState, 2)));
}
