import { type Bytes, bigIntToBytes, bytesToBigInt } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';

/** An RLP item: a byte string or a list of items (Yellow Paper, appendix B). */
export type RlpItem = Bytes | readonly RlpItem[];

/** Deepest list nesting accepted: our messages and transactions need 5; more is an attack on the stack. */
const MAX_DEPTH = 16;

/**
 * Most items in an input of `byteLength` bytes: an item costs a hundred times its smallest encoding in memory, and our
 * messages spend at least 5 bytes on one. The constant lets short lists of small numbers through.
 */
function defaultMaxItems(byteLength: number): number {
  return 65_536 + byteLength / 4;
}

/**
 * Encodes in two passes, lengths first, into one buffer: bodies have tens of thousands of items, and joining parts at
 * each level took a quarter of the time of committing a mini-block.
 */
export function encodeRlp(item: RlpItem): Bytes {
  const lengths: number[] = [];
  const out = new Uint8Array(measure(item, lengths));
  new RlpWriter(out, lengths).write(item);
  return out;
}

/** Encoded length of an item; payload lengths of its lists go into `lengths` in the order in which they are written. */
function measure(item: RlpItem, lengths: number[]): number {
  if (item instanceof Uint8Array) {
    if (item.length === 1 && (item[0] as number) < 0x80) return 1;
    return prefixLength(item.length) + item.length;
  }
  const at = lengths.push(0) - 1;
  let length = 0;
  for (const child of item) length += measure(child, lengths);
  lengths[at] = length;
  return prefixLength(length) + length;
}

/** Bytes in front of a payload: one, and those of its length when it is above 55. */
function prefixLength(length: number): number {
  return length <= 55 ? 1 : 1 + lengthBytes(length);
}

function lengthBytes(length: number): number {
  if (length < 0x100) return 1;
  if (length < 0x10000) return 2;
  return length < 0x1000000 ? 3 : 4;
}

class RlpWriter {
  readonly #out: Bytes;
  readonly #lengths: readonly number[];
  #position = 0;
  #list = 0;

  constructor(out: Bytes, lengths: readonly number[]) {
    this.#out = out;
    this.#lengths = lengths;
  }

  write(item: RlpItem): void {
    if (!(item instanceof Uint8Array)) {
      this.#writePrefix(this.#lengths[this.#list++] as number, 0xc0);
      for (const child of item) this.write(child);
      return;
    }
    if (item.length !== 1 || (item[0] as number) >= 0x80) this.#writePrefix(item.length, 0x80);
    this.#out.set(item, this.#position);
    this.#position += item.length;
  }

  #writePrefix(length: number, base: number): void {
    if (length <= 55) {
      this.#out[this.#position++] = base + length;
      return;
    }
    const count = lengthBytes(length);
    this.#out[this.#position++] = base + 55 + count;
    for (let shift = (count - 1) * 8; shift >= 0; shift -= 8) this.#out[this.#position++] = (length >>> shift) & 0xff;
  }
}

/**
 * Decodes exactly one item that fills `bytes`, refusing every encoding but the canonical one. Byte strings are views
 * of `bytes`. More than `maxItems` items, lists and their contents both counted, are refused before they take memory.
 * @throws StrobeError INVALID_RLP
 */
export function decodeRlp(bytes: Bytes, maxItems: number = defaultMaxItems(bytes.length)): RlpItem {
  const reader = new RlpReader(bytes, maxItems);
  const item = reader.readItem(0);
  if (reader.position !== bytes.length) throw invalidRlp('bytes after the item');
  return item;
}

class RlpReader {
  position = 0;
  readonly #bytes: Bytes;
  #itemsLeft: number;

  constructor(bytes: Bytes, maxItems: number) {
    this.#bytes = bytes;
    this.#itemsLeft = maxItems;
  }

  readItem(depth: number): RlpItem {
    if (--this.#itemsLeft < 0) throw invalidRlp('there are too many items');
    const prefix = this.#take(1)[0] as number;
    if (prefix < 0x80) return this.#bytes.subarray(this.position - 1, this.position);
    if (prefix < 0xc0) return this.#readString(prefix);
    if (depth === MAX_DEPTH) throw invalidRlp('lists are nested too deeply');
    const end = this.#lengthFrom(prefix, 0xc0) + this.position;
    if (end > this.#bytes.length) throw invalidRlp('a list is longer than its input');
    const items: RlpItem[] = [];
    while (this.position < end) items.push(this.readItem(depth + 1));
    if (this.position !== end) throw invalidRlp('an item crosses the end of its list');
    return items;
  }

  #readString(prefix: number): Bytes {
    const string = this.#take(this.#lengthFrom(prefix, 0x80));
    if (string.length === 1 && (string[0] as number) < 0x80) throw invalidRlp('a single small byte has a prefix');
    return string;
  }

  #lengthFrom(prefix: number, base: number): number {
    const short = prefix - base;
    if (short <= 55) return short;
    const lengthBytes = this.#take(short - 55);
    if (lengthBytes[0] === 0) throw invalidRlp('a length has leading zeros');
    if (lengthBytes.length > 6) throw invalidRlp('a length is out of range');
    let length = 0;
    for (const byte of lengthBytes) length = length * 256 + byte;
    if (length <= 55) throw invalidRlp('a short length is in long form');
    return length;
  }

  #take(count: number): Bytes {
    const end = this.position + count;
    if (end > this.#bytes.length) throw invalidRlp('the input ends inside an item');
    const taken = this.#bytes.subarray(this.position, end);
    this.position = end;
    return taken;
  }
}

/** @throws StrobeError INVALID_RLP when `item` is not a list (of `length` items when given) */
export function asList(item: RlpItem | undefined, name: string, length?: number): readonly RlpItem[] {
  if (item === undefined || item instanceof Uint8Array) throw invalidRlp(`${name} is not a list`);
  if (length !== undefined && item.length !== length) throw invalidRlp(`${name} has ${item.length} items, not ${length}`);
  return item;
}

/** @throws StrobeError INVALID_RLP when `item` is not a byte string (of `length` bytes when given) */
export function asBytes(item: RlpItem | undefined, name: string, length?: number): Bytes {
  if (!(item instanceof Uint8Array)) throw invalidRlp(`${name} is not a byte string`);
  if (length !== undefined && item.length !== length) throw invalidRlp(`${name} has ${item.length} bytes, not ${length}`);
  return item;
}

/** An unsigned integer without leading zeros. @throws StrobeError INVALID_RLP */
export function asBigInt(item: RlpItem | undefined, name: string, maxBytes = 32): bigint {
  const bytes = asBytes(item, name);
  if (bytes.length > maxBytes) throw invalidRlp(`${name} is longer than ${maxBytes} bytes`);
  if (bytes[0] === 0) throw invalidRlp(`${name} has leading zeros`);
  return bytesToBigInt(bytes);
}

/** An unsigned integer up to 2^53 - 1. @throws StrobeError INVALID_RLP */
export function asNumber(item: RlpItem | undefined, name: string): number {
  const value = asBigInt(item, name, 7);
  if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw invalidRlp(`${name} is above 2^53 - 1`);
  return Number(value);
}

/** The RLP byte string of an unsigned integer. */
export function fromNumber(value: number | bigint): Bytes {
  return bigIntToBytes(BigInt(value));
}

export function invalidRlp(message: string): StrobeError<'INVALID_RLP'> {
  return new StrobeError('INVALID_RLP', message);
}
