/** Lets so many in at a time; others wait in the order in which they came. How many may wait is for its users to bound. */
export class Gate {
  readonly #waiting: (() => void)[] = [];
  #places: number;

  constructor(places: number) {
    this.#places = places;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** True when one who comes now has to wait. */
  get isFull(): boolean {
    return this.#places === 0;
  }

  /** Undefined when there is a place at once, else a promise of one. Whoever enters has to leave. */
  enter(): Promise<void> | undefined {
    if (this.#places === 0) return new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#places--;
    return undefined;
  }

  leave(): void {
    // The place goes to the next one as it is, so that nobody comes between.
    const next = this.#waiting.shift();
    if (next === undefined) this.#places++;
    else next();
  }
}
