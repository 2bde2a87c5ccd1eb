import type { RegistryMark } from '../../src/protocol/ports/state.ts';
import type { SnapshotLoader, StateSnapshot } from '../../src/protocol/ports/state-snapshot.ts';
import { asBigInt, asBytes, asList, decodeRlp, encodeRlp, fromNumber, type RlpItem } from '../../src/protocol/rlp.ts';
import { type Bytes, bytesEqual, fromKey, isZeroBytes, toKey } from '../../src/util/bytes.ts';
import { errorMessage, StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { emptyVersion, type MapVersion, markOf, registerRow } from './map-version.ts';

/** Each row and each code in a chunk of its own, rows in the order of their commits. */
export class MapSnapshot implements StateSnapshot {
  readonly number: number;
  readonly mark: RegistryMark;
  readonly #version: MapVersion;

  constructor(number: number, version: MapVersion) {
    this.number = number;
    this.mark = markOf(version);
    this.#version = version;
  }

  *chunks(): Iterable<Bytes> {
    for (const key of this.#version.commitOrder) yield encodeRlp([fromKey(key), ...this.#valueOf(key)]);
    for (const code of this.#version.codes.values()) yield encodeRlp([code]);
  }

  #valueOf(key: string): RlpItem[] {
    const { accounts, storage, accountRows } = this.#version;
    if (key.length > 40) {
      const address = [...accountRows.keys()][Number.parseInt(key.slice(0, 16), 16)] as string;
      return [storage.get(address)?.get(key.slice(16)) ?? new Uint8Array(0)];
    }
    const account = accounts.get(key);
    if (account === undefined) return [[]];
    return [[fromNumber(account.nonce), fromNumber(account.balance), account.codeHash]];
  }
}

export class MapLoader implements SnapshotLoader {
  readonly #version = emptyVersion();
  readonly #finish: (version: MapVersion, number: number) => void;

  constructor(finish: (version: MapVersion, number: number) => void) {
    this.#finish = finish;
  }

  add(chunk: Bytes): void {
    try {
      this.#add(asList(decodeRlp(chunk), 'chunk'));
    } catch (error) {
      throw new StrobeError('INVALID_SNAPSHOT', errorMessage(error));
    }
  }

  finish(number: number, mark: RegistryMark): void {
    const { digest, accounts, slots } = markOf(this.#version);
    if (!bytesEqual(digest, mark.digest) || accounts !== mark.accounts || slots !== mark.slots) {
      throw new StrobeError('INVALID_SNAPSHOT', 'the rows are not those of the registry');
    }
    this.#finish(this.#version, number);
  }

  #add([item, value]: readonly RlpItem[]): void {
    const { accounts, storage, codes, accountRows } = this.#version;
    const bytes = asBytes(item, 'row or code');
    if (value === undefined) {
      codes.set(toKey(keccak256(bytes)), bytes);
      return;
    }
    const key = toKey(bytes);
    registerRow(this.#version, key);
    if (key.length === 40) {
      const [nonce, balance, codeHash] = asList(value, 'account');
      if (nonce === undefined) return;
      const fields = { nonce: asBigInt(nonce, 'nonce'), balance: asBigInt(balance, 'balance') };
      accounts.set(key, { ...fields, codeHash: asBytes(codeHash, 'code hash', 32) });
      return;
    }
    const slotValue = asBytes(value, 'slot value');
    if (isZeroBytes(slotValue)) return;
    const address = [...accountRows.keys()][Number.parseInt(key.slice(0, 16), 16)] as string;
    const slots = storage.get(address) ?? new Map();
    storage.set(address, slots.set(key.slice(16), slotValue));
  }
}
