import type { ChangeList, RowKind, StoredMoment } from '../../protocol/ports/history.ts';
import type { Account } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';
import type { MomentRows } from '../table/moment-rows.ts';
import { unpackAccount, unpackValue } from '../table/row-values.ts';
import { ChunkReader } from '../table/snapshot-format.ts';
import type { TrieWriter } from './trie-writer.ts';

export interface ArchiveMoveModules {
  readonly stored: StoredMoment;
  /** Of a state that is not older than the newest stored block that is looked at. */
  readonly rows: MomentRows;
  readonly writer: TrieWriter;
  /** True: whoever waits does not any more. */
  readonly isStopping: () => boolean;
}

/** Blocks between which a state is: each key is as at the end of one of them. */
export interface BlockSpan {
  readonly lowest: number;
  readonly highest: number;
}

/** Accounts before slots: see {@link TrieWriter}. */
const KINDS = ['account', 'slot'] as const;
/** Rows that are read from the table in one go: some 50 µs, so that a reader beside a busy writer seldom begins again. */
const ROWS_AT_ONCE = 256;

/** Rows and the one change of each whose old value is meant. */
class MeantChanges {
  readonly #rows: number[] = [];
  /** By row, plus one; 0: the row is not among them. Memory that is not touched is not taken. */
  readonly #ordinals: Uint32Array;

  constructor(rows: number) {
    this.#ordinals = new Uint32Array(rows);
  }

  /** The first one of a row counts. @param step from the ordinal in the list to the one that is meant */
  add({ rows, ordinals }: ChangeList, step: 0 | 1): void {
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i] as number;
      if (this.#ordinals[row] !== 0) continue;
      this.#ordinals[row] = (ordinals[i] as number) + step + 1;
      this.#rows.push(row);
    }
  }

  /** In the order of the rows, in which the database has them: reads go through it once. */
  *entries(): Iterable<{ readonly row: number; readonly ordinal: number }> {
    for (const row of Uint32Array.from(this.#rows).sort()) yield { row, ordinal: (this.#ordinals[row] as number) - 1 };
  }
}

/** Sets keys to what they were at the end of a stored block. Used once. */
export class ArchiveMove {
  readonly #modules: ArchiveMoveModules;
  /** Rows to be written, and what they were; undefined: as in the newest state. */
  readonly #rows: number[] = [];
  readonly #values: (Bytes | undefined)[] = [];
  #written = 0;

  constructor(modules: ArchiveMoveModules) {
    this.#modules = modules;
  }

  /** Keys that were written. */
  get written(): number {
    return this.#written;
  }

  /** Writes every key of the newest state that is not empty. */
  load(): void {
    const { rows } = this.#modules;
    this.#eachRow('account', rows.accountCount, () => true);
    this.#eachRow('slot', rows.slotCount, () => true);
  }

  /** Writes what the blocks of the span and those up to `blockNumber` changed, from their lists. */
  byBlocks({ lowest, highest }: BlockSpan, blockNumber: number): void {
    const { rows, stored } = this.#modules;
    const meant = { account: new MeantChanges(rows.accountCount), slot: new MeantChanges(rows.slotCount) };
    const addBlock = (number: number, step: 0 | 1): void => {
      this.#assertWanted();
      const changes = stored.changesOf(number);
      for (const kind of KINDS) meant[kind].add(changes[kind], step);
    };
    // A key is as it was before the first change above the block, which is behind the last one below it.
    for (let above = blockNumber + 1; above <= highest; above++) addBlock(above, 0);
    for (let below = blockNumber; below > lowest; below--) addBlock(below, 1);
    for (const kind of KINDS) {
      for (const { row, ordinal } of meant[kind].entries()) this.#take(kind, row, stored.valueBefore(kind, row, ordinal));
      this.#write(kind);
    }
  }

  /** As {@link ArchiveMove.byBlocks}, by looking every key up: for spans of many more blocks than there are keys. */
  byRows({ lowest }: BlockSpan, blockNumber: number): void {
    const { rows, stored } = this.#modules;
    const since = Math.min(lowest, blockNumber);
    const hasChanged = (kind: RowKind, row: number) => (stored.lastChange(kind, row) ?? since) > since;
    const find = (kind: RowKind, row: number) => stored.find(kind, row, blockNumber);
    this.#eachRow('account', rows.accountCount, hasChanged, find);
    this.#eachRow('slot', rows.slotCount, hasChanged, find);
  }

  #eachRow(
    kind: RowKind,
    count: number,
    isMeant: (kind: RowKind, row: number) => boolean,
    lookUp?: (kind: RowKind, row: number) => Bytes | undefined,
  ): void {
    for (let row = 0; row < count; row++) if (isMeant(kind, row)) this.#take(kind, row, lookUp?.(kind, row));
    this.#write(kind);
  }

  #take(kind: RowKind, row: number, value: Bytes | undefined): void {
    this.#rows.push(row);
    this.#values.push(value);
    if (this.#rows.length === ROWS_AT_ONCE) this.#write(kind);
  }

  #write(kind: RowKind): void {
    this.#assertWanted();
    if (kind === 'account') this.#writeAccounts();
    else this.#writeSlots();
    this.#written += this.#rows.length;
    this.#rows.length = 0;
    this.#values.length = 0;
  }

  #assertWanted(): void {
    if (this.#modules.isStopping()) throw new StrobeError('THREAD_STOPPED', 'the state trie was stopped on its way');
  }

  #writeAccounts(): void {
    const { rows, writer } = this.#modules;
    for (const [i, { address, account }] of rows.accounts(this.#rows).entries()) {
      const value = this.#values[i];
      writer.setAccount(this.#rows[i] as number, address, value === undefined ? account : this.#unpack(value));
    }
  }

  #writeSlots(): void {
    const { rows, writer } = this.#modules;
    for (const [i, slot] of rows.slots(this.#rows).entries()) {
      const value = this.#values[i];
      writer.setSlot(value === undefined ? slot : { ...slot, value: unpackValue(value) });
    }
  }

  #unpack(value: Bytes): Account | undefined {
    if (value.length === 0) return undefined;
    return unpackAccount(new ChunkReader(value), (code) => this.#modules.rows.codeHash(code));
  }
}
