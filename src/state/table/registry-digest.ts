import { type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';

const ACCOUNT_KIND = 0;
const SLOT_KIND = 1;

/**
 * The chain over all rows in their order (PROTOCOL section 4): `keccak256(digest ‖ kind ‖ id ‖ key)`, ids in 8
 * big-endian bytes; the key of a slot is its account's id and its 32 bytes.
 */
export class RegistryDigest {
  #value: Hash = ZERO_HASH;
  readonly #accountInput = new Uint8Array(32 + 1 + 8 + 20);
  readonly #slotInput = new Uint8Array(32 + 1 + 8 + 8 + 32);
  readonly #accountView = new DataView(this.#accountInput.buffer);
  readonly #slotView = new DataView(this.#slotInput.buffer);

  get value(): Hash {
    return this.#value;
  }

  set value(digest: Hash) {
    this.#value = digest;
  }

  addAccount(row: number, address: Bytes, offset: number): void {
    const input = this.#accountInput;
    input.set(this.#value);
    input[32] = ACCOUNT_KIND;
    this.#accountView.setUint32(37, row);
    copy(address, offset, 20, input, 41);
    this.#value = keccak256(input);
  }

  addSlot(row: number, accountRow: number, key: Bytes, offset: number): void {
    const input = this.#slotInput;
    input.set(this.#value);
    input[32] = SLOT_KIND;
    this.#slotView.setUint32(37, row);
    this.#slotView.setUint32(45, accountRow);
    copy(key, offset, 32, input, 49);
    this.#value = keccak256(input);
  }
}

function copy(source: Bytes, from: number, length: number, target: Bytes, to: number): void {
  for (let i = 0; i < length; i++) target[to + i] = source[from + i] as number;
}
