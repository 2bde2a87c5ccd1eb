/**
 * Tells a thread that is busy, and takes no messages meanwhile, to break its work off. One word of shared memory; both ends
 * are made over the same one.
 */
export class StopFlag {
  /** To be posted to the thread. */
  readonly shared: SharedArrayBuffer;
  readonly #word: Int32Array;

  constructor(shared: SharedArrayBuffer = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT)) {
    this.shared = shared;
    this.#word = new Int32Array(shared);
  }

  get isRaised(): boolean {
    return Atomics.load(this.#word, 0) === 1;
  }

  raise(): void {
    Atomics.store(this.#word, 0, 1);
  }
}
