import { StrobeError } from '../../../util/errors.ts';

/**
 * What the JSON of a trace may still take, in characters. Tracers spend before they keep: one transaction can make
 * gigabytes of steps or of call data.
 */
export class OutputBudget {
  readonly #limit: number;
  #left: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#left = limit;
  }

  /** @throws StrobeError TRACE_TOO_LARGE */
  spend(characters: number): void {
    this.#left -= characters;
    this.assertHolds(0);
  }

  /**
   * Says that so much could be spent.
   * @throws StrobeError TRACE_TOO_LARGE, from the first overspending on
   */
  assertHolds(characters: number): void {
    if (this.#left >= characters) return;
    // What comes later is too much as well: whoever looks at the end must see it.
    this.#left = -1;
    throw new StrobeError('TRACE_TOO_LARGE', `the trace is longer than ${this.#limit} characters`);
  }
}
