import type { Bytes } from '../../util/bytes.ts';
import { wordAt } from './table-memory.ts';

/** Whether keys of one length, staged one after the other, ascend as bytes. */
export class KeyOrder {
  #previous: Int32Array;
  #staged: Int32Array;
  #isFirst = true;

  constructor(words: number) {
    this.#previous = new Int32Array(words);
    this.#staged = new Int32Array(words);
  }

  stageBytes(source: Bytes, offset: number): void {
    const key = this.#staged;
    for (let i = 0; i < key.length; i++) key[i] = wordAt(source, offset + i * 4);
  }

  stageWords(source: Int32Array, at: number): void {
    const key = this.#staged;
    for (let i = 0; i < key.length; i++) key[i] = source[at + i] as number;
  }

  /** True when the staged key is above the one before it, or the first. */
  ascends(): boolean {
    const [previous, staged] = [this.#previous, this.#staged];
    this.#previous = staged;
    this.#staged = previous;
    if (this.#isFirst) {
      this.#isFirst = false;
      return true;
    }
    for (let i = 0; i < staged.length; i++) {
      const [a, b] = [previous[i] as number, staged[i] as number];
      if (a !== b) return bigEndian(a) < bigEndian(b);
    }
    return false;
  }

  /** The next key is the first one again. */
  restart(): void {
    this.#isFirst = true;
  }
}

function bigEndian(word: number): number {
  return ((word << 24) | ((word & 0xff00) << 8) | ((word >>> 8) & 0xff00) | (word >>> 24)) >>> 0;
}
