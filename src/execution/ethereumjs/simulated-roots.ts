import type { SimulationBase, StateNodes } from '../../protocol/ports/simulation.ts';
import type { Hash } from '../../protocol/primitives.ts';
import type { StateDiff } from '../../protocol/state-diff.ts';
import { PartialState } from '../../state/partial-state.ts';
import { isStrobeError } from '../../util/errors.ts';

/**
 * Accounts and slots that a simulation may change and still get state roots: more than its gas can create. A root of as many
 * takes a tenth of a second here, and a tenth of that in the thread of the tries, which has blocks to seal.
 */
const MAX_ROOTED_CHANGES = 4_000;

/** State roots behind simulated blocks, as long as they can be known here. */
export class SimulatedRoots {
  #state: PartialState | undefined;
  #changes = 0;

  private constructor(state: PartialState | undefined) {
    this.#state = state;
  }

  /** @param nodes undefined: this node keeps no state trie */
  static async open({ header, changes }: SimulationBase, nodes: StateNodes | undefined): Promise<SimulatedRoots> {
    if (changes === undefined || nodes === undefined) return new SimulatedRoots(undefined);
    const roots = new SimulatedRoots(new PartialState(header.stateRoot, nodes));
    if (changes.accounts.length > 0) await roots.after(changes);
    return roots;
  }

  /** The root after the next diff; undefined from the first one on that is not known. */
  async after(diff: StateDiff): Promise<Hash | undefined> {
    for (const { slots } of diff.accounts) this.#changes += 1 + (slots?.length ?? 0);
    if (this.#changes > MAX_ROOTED_CHANGES) this.#state = undefined;
    try {
      return await this.#state?.apply(diff);
    } catch (error) {
      if (!isStrobeError(error, 'PROOF_NOT_AVAILABLE')) throw error;
      this.#state = undefined;
      return undefined;
    }
  }
}
