import type { RegistryMark } from '../../protocol/ports/state.ts';
import type { SnapshotLoader } from '../../protocol/ports/state-snapshot.ts';
import { type Bytes, bytesEqual, padTo32 } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';
import type { PageAllocator } from './page-allocator.ts';
import type { RegistryDigest } from './registry-digest.ts';
import {
  ACCOUNT_CHUNK,
  ChunkReader,
  CODE_CHUNK,
  HEAD_CODE,
  HEAD_EXISTS,
  HEAD_LENGTH,
  invalidSnapshot,
  RUN_CHUNK,
  SLOT_CHUNK,
  SNAPSHOT_FORMAT,
} from './snapshot-format.ts';
import type { TableCore } from './table-core.ts';
import { addSlot } from './table-writer.ts';

export interface TableLoaderModules {
  readonly core: TableCore;
  readonly allocator: PageAllocator;
  readonly digest: RegistryDigest;
  /** Runs a change that readers in other threads must not see half done. */
  readonly lock: { write(change: () => void): void };
  /** Makes the loaded rows the state at the end of a mini-block. */
  readonly restart: (number: number) => void;
}

/** Fills an empty table from the chunks of a snapshot. After an error the table is not to be used. */
export class TableLoader implements SnapshotLoader {
  readonly #modules: TableLoaderModules;
  #kind = ACCOUNT_CHUNK;
  /** Highest code number that an account refers to. */
  #highestCode = 0;
  /** Accounts that are in the digest, and runs whose accounts are. */
  #digestedAccounts = 0;
  #runsEntered = 0;
  readonly #word = new Uint8Array(32);

  constructor(modules: TableLoaderModules) {
    this.#modules = modules;
  }

  add(chunk: Bytes): void {
    this.#modules.lock.write(() => this.#add(new ChunkReader(chunk)));
  }

  finish(number: number, mark: RegistryMark): void {
    const { core, digest, lock, restart } = this.#modules;
    const { accounts, slots, codes, runs } = core;
    while (this.#runsEntered < runs.count) this.#enterRun();
    const last = runs.count === 0 ? { accounts: 0, slots: 0 } : runs.endOf(runs.count - 1);
    const isComplete =
      accounts.count === mark.accounts &&
      slots.count === mark.slots &&
      last.accounts === mark.accounts &&
      last.slots === mark.slots;
    if (!isComplete || !bytesEqual(digest.value, mark.digest)) throw invalidSnapshot('its rows are not those of the registry');
    if (this.#highestCode > codes.count) throw invalidSnapshot('a code is missing');
    lock.write(() => restart(number));
  }

  #add(reader: ChunkReader): void {
    if (reader.byte() !== SNAPSHOT_FORMAT) throw invalidSnapshot('its format is not known');
    const kind = reader.byte();
    if (kind < this.#kind || kind > CODE_CHUNK) throw invalidSnapshot('a chunk is out of order');
    this.#kind = kind;
    if (reader.varint() !== this.#nextOf(kind)) throw invalidSnapshot('a chunk is out of order');
    while (!reader.atEnd) {
      if (kind === ACCOUNT_CHUNK) this.#addAccount(reader);
      else if (kind === RUN_CHUNK) this.#addRun(reader);
      else if (kind === SLOT_CHUNK) this.#addSlot(reader);
      else this.#addCode(reader);
    }
  }

  /** Number of the next row of a kind. */
  #nextOf(kind: number): number {
    const { accounts, runs, slots, codes } = this.#modules.core;
    if (kind === ACCOUNT_CHUNK) return accounts.count;
    if (kind === RUN_CHUNK) return runs.count;
    return kind === SLOT_CHUNK ? slots.count : codes.count + 1;
  }

  #addAccount(reader: ChunkReader): void {
    const { core, allocator } = this.#modules;
    const { accounts } = core;
    const address = reader.bytes(20);
    if (accounts.find(address) !== -1) throw invalidSnapshot('an account is listed twice');
    accounts.reserve(1, allocator);
    const body = accounts.bodyOf(accounts.add(address, 0, allocator));
    const head = reader.byte();
    if (head === 0) return;
    if ((head & HEAD_EXISTS) === 0) throw invalidSnapshot('an account that does not exist has values');
    accounts.setExists(body);
    const nonceLength = reader.byte();
    accounts.writeNonce(body, this.#number(reader, nonceLength, 8), 0);
    accounts.writeBalance(body, this.#number(reader, head & HEAD_LENGTH, 32), 0);
    const code = (head & HEAD_CODE) === 0 ? 0 : reader.varint();
    if ((head & HEAD_CODE) !== 0 && code === 0) throw invalidSnapshot('a code number is zero');
    accounts.setCode(body, code);
    this.#highestCode = Math.max(this.#highestCode, code);
    if (nonceLength === 0 && (head & HEAD_LENGTH) === 0 && code === 0) throw invalidSnapshot('an account is empty');
  }

  #addRun(reader: ChunkReader): void {
    const { core, allocator } = this.#modules;
    const { count } = core.runs;
    const start = count === 0 ? { accounts: 0, slots: 0 } : core.runs.endOf(count - 1);
    const accounts = start.accounts + reader.varint();
    const slots = start.slots + reader.varint();
    if (accounts > core.accounts.count || slots > 2 ** 31) throw invalidSnapshot('a run has too many rows');
    core.runs.reserve(allocator);
    core.runs.extend(accounts, slots);
    if (core.runs.count !== count + 1) throw invalidSnapshot('two runs could be one');
  }

  #addSlot(reader: ChunkReader): void {
    const { core, allocator, digest } = this.#modules;
    const { accounts, slots } = core;
    const account = reader.varint();
    if (account >= accounts.count) throw invalidSnapshot('a slot has no account');
    const trimmed = reader.bytes(this.#length(reader, 32));
    if (trimmed[0] === 0) throw invalidSnapshot('a key is longer than it need be');
    const key = padTo32(trimmed);
    if (slots.find(account, key) !== -1) throw invalidSnapshot('a slot is listed twice');
    slots.reserve(1, allocator);
    const row = addSlot(core, allocator, account, key, 0);
    this.#enterRunOf(row);
    digest.addSlot(row, account, key, 0);
    const length = reader.byte();
    if (length > 0 && !accounts.exists(accounts.bodyOf(account))) throw invalidSnapshot('an absent account has storage');
    slots.writeValue(slots.bodyOf(row), this.#number(reader, length, 32), 0);
  }

  #addCode(reader: ChunkReader): void {
    const { core, allocator } = this.#modules;
    const { codes } = core;
    const code = reader.bytes(reader.varint());
    if (code.length === 0) throw invalidSnapshot('a code is empty');
    const hash = keccak256(code);
    if (codes.find(hash) !== -1) throw invalidSnapshot('a code is listed twice');
    codes.reserve([code], allocator);
    codes.add(hash, code, allocator);
  }

  #enterRunOf(slotRow: number): void {
    const { runs } = this.#modules.core;
    while (this.#runsEntered === 0 || slotRow >= runs.endOf(this.#runsEntered - 1).slots) {
      if (this.#runsEntered === runs.count) throw invalidSnapshot('a slot belongs to no run');
      this.#enterRun();
    }
  }

  /** Takes the accounts of the next run into the digest; its slots follow. */
  #enterRun(): void {
    const { core, digest } = this.#modules;
    const end = core.runs.endOf(this.#runsEntered++);
    for (; this.#digestedAccounts < end.accounts; this.#digestedAccounts++) {
      core.accounts.readAddress(this.#digestedAccounts, this.#word, 0);
      digest.addAccount(this.#digestedAccounts, this.#word, 0);
    }
  }

  #length(reader: ChunkReader, max: number): number {
    const length = reader.byte();
    if (length > max) throw invalidSnapshot('a number is too long');
    return length;
  }

  /** A little-endian number as a word, which the next one overwrites. */
  #number(reader: ChunkReader, length: number, max: number): Bytes {
    if (length > max) throw invalidSnapshot('a number is too long');
    const bytes = reader.bytes(length);
    if (length > 0 && bytes[length - 1] === 0) throw invalidSnapshot('a number is longer than it need be');
    this.#word.fill(0);
    this.#word.set(bytes);
    return this.#word;
  }
}
