import type { Account, Hash } from '../../protocol/primitives.ts';
import type { Bytes } from '../../util/bytes.ts';
import { type ChunkReader, type ChunkWriter, HEAD_CODE, HEAD_EXISTS, HEAD_LENGTH } from './snapshot-format.ts';
import type { TableCore } from './table-core.ts';

const WORD_BYTES = 32;
const NONCE_BYTES = 8;

/** Packs bodies of rows as snapshots have them (snapshot-format.ts). */
export class RowPacker {
  readonly #core: TableCore;
  readonly #word = new Uint8Array(WORD_BYTES);

  constructor(core: TableCore) {
    this.#core = core;
  }

  /** From the head on; the account exists. */
  packAccount(body: number, writer: ChunkWriter): void {
    const { accounts } = this.#core;
    const code = accounts.codeOf(body);
    accounts.readBalance(body, this.#word, 0);
    const balanceLength = lengthWithoutEnd(this.#word, WORD_BYTES);
    writer.byte(HEAD_EXISTS | (code === 0 ? 0 : HEAD_CODE) | balanceLength);
    const nonceAt = writer.position;
    accounts.readNonce(body, writer.buffer, nonceAt + 1);
    const nonceLength = lengthWithoutEnd(writer.buffer.subarray(nonceAt + 1, nonceAt + 1 + NONCE_BYTES), NONCE_BYTES);
    writer.byte(nonceLength);
    writer.position += nonceLength;
    writer.bytes(this.#word, 0, balanceLength);
    if (code !== 0) writer.varint(code);
  }

  /** The value alone. */
  packValue(body: number, writer: ChunkWriter): void {
    writer.bytes(this.#word, 0, this.#readValue(body));
  }

  /** The value behind its length. */
  packLengthAndValue(body: number, writer: ChunkWriter): void {
    const length = this.#readValue(body);
    writer.byte(length);
    writer.bytes(this.#word, 0, length);
  }

  #readValue(body: number): number {
    this.#core.slots.readValue(body, this.#word, 0);
    return lengthWithoutEnd(this.#word, WORD_BYTES);
  }
}

/** Reads what {@link RowPacker.packAccount} wrote. @throws StrobeError INVALID_SNAPSHOT */
export function unpackAccount(reader: ChunkReader, codeHash: (code: number) => Hash): Account {
  const head = reader.byte();
  const nonce = littleEndian(reader.bytes(reader.byte()));
  const balance = littleEndian(reader.bytes(head & HEAD_LENGTH));
  return { nonce, balance, codeHash: codeHash((head & HEAD_CODE) === 0 ? 0 : reader.varint()) };
}

/** The 32 big-endian bytes of what {@link RowPacker.packValue} wrote. */
export function unpackValue(packed: Bytes): Hash {
  const value = new Uint8Array(WORD_BYTES);
  for (let i = 0; i < packed.length; i++) value[WORD_BYTES - 1 - i] = packed[i] as number;
  return value;
}

function littleEndian(bytes: Bytes): bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = (value << 8n) | BigInt(bytes[i] as number);
  return value;
}

/** Length of a little-endian number without the zeros at its end. */
function lengthWithoutEnd(bytes: Bytes, length: number): number {
  let end = length;
  while (end > 0 && bytes[end - 1] === 0) end--;
  return end;
}
