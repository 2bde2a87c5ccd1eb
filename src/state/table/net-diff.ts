import type { AccountDiff, SlotDiff, StateDiff } from '../../protocol/state-diff.ts';
import { createStateDiff, sortSlots } from '../../protocol/state-diff.ts';
import type { CodeCache } from './code-cache.ts';
import { ACCOUNT_BODY_WORDS, VERSION_OF_SLOT, VERSION_PREVIOUS_SERIAL, VERSION_ROW, WORD_WORDS } from './layout.ts';
import { bodyAt } from './old-values.ts';
import { ageOf } from './serials.ts';
import type { TableCore } from './table-core.ts';
import type { TableMark } from './table-mark.ts';
import type { VersionJournal } from './version-journal.ts';

type Counts = Omit<TableMark, 'digest'>;

/** One end of the range of mini-blocks. */
export interface NetDiffEnd {
  readonly number: number;
  readonly serial: number;
  readonly mark: Counts;
}

/** Stands for the body of a row that was not there yet: absent, or clear. */
const NO_BODY = 0;

/** Composes the net change between two moments from the rows that changed between them (PROTOCOL section 3). */
export class NetDiff {
  readonly #core: TableCore;
  readonly #codes: CodeCache;
  readonly #journal: VersionJournal;
  readonly #from: NetDiffEnd;
  readonly #to: NetDiffEnd;
  readonly #accountRows = new Set<number>();
  readonly #slotRows: number[] = [];

  constructor(core: TableCore, codes: CodeCache, journal: VersionJournal, from: NetDiffEnd, to: NetDiffEnd) {
    this.#core = core;
    this.#codes = codes;
    this.#journal = journal;
    this.#from = from;
    this.#to = to;
  }

  compose(): StateDiff {
    this.#collectRows();
    const slots = this.#slotsByAccount();
    const accounts: AccountDiff[] = [];
    for (const row of this.#accountRows) {
      const diff = this.#diffAccount(row, slots.get(row) ?? []);
      if (diff !== undefined) accounts.push(diff);
    }
    const codes = [];
    for (let code = this.#from.mark.codes + 1; code <= this.#to.mark.codes; code++) codes.push(this.#core.codes.codeOf(code));
    return createStateDiff(accounts, codes);
  }

  #collectRows(): void {
    const { start } = this.#journal.above(this.#from.number);
    const { start: end } = this.#journal.above(this.#to.number);
    for (let index = start; index < end; index++) {
      for (const version of this.#journal.versionsOf(index)) this.#collectVersion(version);
    }
    for (let row = this.#from.mark.accounts; row < this.#to.mark.accounts; row++) this.#accountRows.add(row);
    for (let row = this.#from.mark.slots; row < this.#to.mark.slots; row++) this.#slotRows.push(row);
  }

  /** Takes rows that were there at the start, each at its first change: the version before that is not in the range. */
  #collectVersion(version: number): void {
    const { memory } = this.#core;
    const tagged = memory.get(version + VERSION_ROW);
    const row = tagged & ~VERSION_OF_SLOT;
    const ofSlot = (tagged & VERSION_OF_SLOT) !== 0;
    if (row >= (ofSlot ? this.#from.mark.slots : this.#from.mark.accounts)) return;
    if (ageOf(memory, memory.get(version + VERSION_PREVIOUS_SERIAL)) < ageOf(memory, this.#from.serial)) return;
    if (ofSlot) this.#slotRows.push(row);
    else this.#accountRows.add(row);
  }

  /** Changed slots by account row; adds their accounts to the rows to look at. */
  #slotsByAccount(): Map<number, SlotDiff[]> {
    const { slots } = this.#core;
    const changed = new Map<number, SlotDiff[]>();
    for (const row of this.#slotRows) {
      const before = row < this.#from.mark.slots ? this.#slotBody(row, this.#from) : NO_BODY;
      const after = this.#slotBody(row, this.#to);
      if (this.#isSame(before, after, WORD_WORDS)) continue;
      const account = slots.accountOf(row);
      const slot: SlotDiff = { key: slots.keyOf(row), value: slots.valueOf(after) };
      const siblings = changed.get(account);
      if (siblings === undefined) changed.set(account, [slot]);
      else siblings.push(slot);
      this.#accountRows.add(account);
    }
    return changed;
  }

  #diffAccount(row: number, slots: readonly SlotDiff[]): AccountDiff | undefined {
    const { accounts } = this.#core;
    const before = row < this.#from.mark.accounts ? this.#accountBody(row, this.#from) : NO_BODY;
    const after = this.#accountBody(row, this.#to);
    const existed = before !== NO_BODY && accounts.exists(before);
    const address = accounts.addressOf(row);
    if (!accounts.exists(after)) return existed ? { address, deleted: true } : undefined;
    if (slots.length === 0 && this.#isSame(before, after, ACCOUNT_BODY_WORDS)) return undefined;
    const nonce = accounts.nonceOf(after);
    const balance = accounts.balanceOf(after);
    // What does not exist has the values of an empty account, in memory too.
    const was = existed ? accounts.read(before, this.#codes) : undefined;
    const codeChanged = accounts.codeOf(after) !== (existed ? accounts.codeOf(before) : 0);
    const diff: AccountDiff = {
      address,
      ...(nonce !== (was?.nonce ?? 0n) && { nonce }),
      ...(balance !== (was?.balance ?? 0n) && { balance }),
      ...(codeChanged && { codeHash: this.#codes.hashOf(accounts.codeOf(after)) }),
      ...(slots.length > 0 && { slots: sortSlots(slots) }),
    };
    return Object.keys(diff).length === 1 ? undefined : diff;
  }

  #isSame(before: number, after: number, words: number): boolean {
    const { memory } = this.#core;
    return before === NO_BODY ? memory.isZero(after, words) : memory.equal(before, after, words);
  }

  #accountBody(row: number, { serial }: NetDiffEnd): number {
    const { accounts, memory } = this.#core;
    return bodyAt(memory, accounts.versionOf(row), accounts.bodyOf(row), serial);
  }

  #slotBody(row: number, { serial }: NetDiffEnd): number {
    const { slots, memory } = this.#core;
    return bodyAt(memory, slots.versionOf(row), slots.bodyOf(row), serial);
  }
}
