import { Scratch } from './scratch.ts';
import { copyWord, equalWords, usedLimbs, WORD_LIMBS } from './words.ts';

const wordScratch = new Scratch();
const tableScratch = new Scratch();

/** The magnitudes of a message in the order in which they are spelt out, findable by value: the writer's side of references. */
export class MagnitudeIndex {
  #count = 0;
  readonly #words: Uint32Array;
  /** Open addressing, half empty at least: position + 1 in {@link MagnitudeIndex.#words}, 0 for none. */
  readonly #table: Uint32Array;
  readonly #mask: number;
  /** Where the last look-up ended. */
  #cell = 0;

  constructor(capacity: number) {
    let cells = 16;
    while (cells < capacity * 2) cells *= 2;
    this.#table = tableScratch.uint32(cells).fill(0);
    this.#mask = cells - 1;
    this.#words = wordScratch.uint32(capacity * WORD_LIMBS);
  }

  /** How many magnitudes back the newest equal one is, 0 for the last; -1 when there is none. */
  distance(words: Uint32Array, at: number): number {
    let cell = this.#hash(words, at);
    for (;;) {
      const position = (this.#table[cell] as number) - 1;
      if (position < 0 || equalWords(this.#words, position * WORD_LIMBS, words, at)) {
        this.#cell = cell;
        return position < 0 ? -1 : this.#count - 1 - position;
      }
      cell = (cell + 1) & this.#mask;
    }
  }

  /** Adds the magnitude that {@link MagnitudeIndex.distance} was asked for last. */
  add(words: Uint32Array, at: number): void {
    copyWord(this.#words, this.#count * WORD_LIMBS, words, at);
    this.#table[this.#cell] = ++this.#count;
  }

  #hash(words: Uint32Array, at: number): number {
    let hash = 0;
    for (let i = at + usedLimbs(words, at) - 1; i >= at; i--) {
      hash = Math.imul(hash ^ (words[i] as number), 0x9e3779b1);
      hash ^= hash >>> 15;
    }
    return hash & this.#mask;
  }
}
