/**
 * Asks for missing mini-blocks when gossip does not bring them by itself: the chain is behind and the head did not
 * move for the time of grace.
 */
export class GapWatch {
  readonly #graceMs: number;
  readonly #modules: { readonly headNumber: () => number; readonly isBehind: () => boolean; readonly onGap: () => void };
  #timer: NodeJS.Timeout | undefined;

  constructor(graceMs: number, modules: { headNumber: () => number; isBehind: () => boolean; onGap: () => void }) {
    this.#graceMs = graceMs;
    this.#modules = modules;
  }

  /** Something changed; cheap to call for every message. */
  check(): void {
    if (this.#timer !== undefined || !this.#modules.isBehind()) return;
    const headNumber = this.#modules.headNumber();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (!this.#modules.isBehind()) return;
      if (this.#modules.headNumber() === headNumber) this.#modules.onGap();
      else this.check();
    }, this.#graceMs);
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
