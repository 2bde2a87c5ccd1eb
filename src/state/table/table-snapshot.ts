import type { RegistryMark } from '../../protocol/ports/state.ts';
import type { StateSnapshot } from '../../protocol/ports/state-snapshot.ts';
import type { Bytes } from '../../util/bytes.ts';
import { bodyAt } from './old-values.ts';
import type { RetainedMoment } from './retained-numbers.ts';
import { RowPacker } from './row-values.ts';
import type { ReadGuard } from './sequence-lock.ts';
import {
  ACCOUNT_CHUNK,
  ChunkWriter,
  CODE_CHUNK,
  MAX_ROW_BYTES,
  RUN_CHUNK,
  SLOT_CHUNK,
  SNAPSHOT_FORMAT,
} from './snapshot-format.ts';
import type { TableCore } from './table-core.ts';

/** Rows read at once: some 40 µs, so that a reader beside a busy writer seldom has to begin again. */
const ROWS_AT_ONCE = 256;

/** More than the head of a chunk, so that each has a row. */
const MIN_CHUNK_BYTES = 16;

const NO_ROWS = { accounts: 0, slots: 0 };

/** Packs a table as it was at one moment (snapshot-format.ts). */
export class TableSnapshot implements StateSnapshot {
  readonly number: number;
  readonly mark: RegistryMark;
  readonly #core: TableCore;
  readonly #moment: RetainedMoment;
  readonly #guard: ReadGuard;
  readonly #packer: RowPacker;
  readonly #word = new Uint8Array(32);

  /** @param guard throws StrobeError SNAPSHOT_OUTRUN when the moment is not kept any more */
  constructor(core: TableCore, moment: RetainedMoment, guard: ReadGuard) {
    const { accounts, slots, digest } = moment.mark;
    this.number = moment.number;
    this.mark = { accounts, slots, digest };
    this.#core = core;
    this.#packer = new RowPacker(core);
    this.#moment = moment;
    this.#guard = guard;
  }

  *chunks(wantedBytes: number): Iterable<Bytes> {
    const { mark } = this.#moment;
    const chunkBytes = Math.max(MIN_CHUNK_BYTES, wantedBytes);
    const writer = new ChunkWriter(chunkBytes + MAX_ROW_BYTES);
    yield* this.#pack(writer, chunkBytes, ACCOUNT_CHUNK, mark.accounts, (row) => this.#packAccount(writer, row));
    const runs = this.#guard(() => this.#core.runs.countUpTo(mark.accounts, mark.slots));
    yield* this.#pack(writer, chunkBytes, RUN_CHUNK, runs, (run) => this.#packRun(writer, run));
    yield* this.#pack(writer, chunkBytes, SLOT_CHUNK, mark.slots, (row) => this.#packSlot(writer, row));
    yield* this.#packCodes(writer, chunkBytes);
  }

  *#pack(writer: ChunkWriter, chunkBytes: number, kind: number, count: number, pack: (row: number) => void): Iterable<Bytes> {
    for (let row = 0; row < count; ) {
      begin(writer, kind, row);
      while (row < count && writer.position < chunkBytes) row = this.#packSome(writer, chunkBytes, row, count, pack);
      yield writer.take();
    }
  }

  /** Returns the first row that is not packed yet. */
  #packSome(writer: ChunkWriter, chunkBytes: number, from: number, count: number, pack: (row: number) => void): number {
    const { position } = writer;
    const last = Math.min(count, from + ROWS_AT_ONCE);
    return this.#guard(() => {
      writer.position = position;
      let row = from;
      while (row < last && writer.position < chunkBytes) pack(row++);
      return row;
    });
  }

  #packAccount(writer: ChunkWriter, row: number): void {
    const { accounts, memory } = this.#core;
    const body = bodyAt(memory, accounts.versionOf(row), accounts.bodyOf(row), this.#moment.serial);
    accounts.readAddress(row, writer.buffer, writer.position);
    writer.position += 20;
    if (!accounts.exists(body)) {
      writer.byte(0);
      return;
    }
    this.#packer.packAccount(body, writer);
  }

  #packRun(writer: ChunkWriter, run: number): void {
    const { mark } = this.#moment;
    const start = run === 0 ? NO_ROWS : this.#core.runs.endOf(run - 1);
    const end = this.#core.runs.endOf(run);
    // The last one may have grown since.
    writer.varint(Math.min(end.accounts, mark.accounts) - start.accounts);
    writer.varint(Math.min(end.slots, mark.slots) - start.slots);
  }

  #packSlot(writer: ChunkWriter, row: number): void {
    const { slots, memory } = this.#core;
    const body = bodyAt(memory, slots.versionOf(row), slots.bodyOf(row), this.#moment.serial);
    writer.varint(slots.accountOf(row));
    slots.readKey(row, this.#word, 0);
    let keyStart = 0;
    while (keyStart < 32 && this.#word[keyStart] === 0) keyStart++;
    writer.byte(32 - keyStart);
    writer.bytes(this.#word, keyStart, 32);
    this.#packer.packLengthAndValue(body, writer);
  }

  *#packCodes(writer: ChunkWriter, chunkBytes: number): Iterable<Bytes> {
    const { codes, memory } = this.#core;
    const last = this.#moment.mark.codes;
    for (let code = 1; code <= last; ) {
      begin(writer, CODE_CHUNK, code);
      for (; code <= last && writer.position < chunkBytes; code++) {
        const number = code;
        const { address, length } = this.#guard(() => codes.placeOf(number));
        writer.reserve(length + MAX_ROW_BYTES);
        writer.varint(length);
        this.#guard(() => writer.buffer.set(memory.bytes(address, length), writer.position));
        writer.position += length;
      }
      yield writer.take();
    }
  }
}

function begin(writer: ChunkWriter, kind: number, first: number): void {
  writer.byte(SNAPSHOT_FORMAT);
  writer.byte(kind);
  writer.varint(first);
}
