import type { SimulationBase, SimulationRequest, SimulationService } from '../../src/protocol/ports/simulation.ts';
import type { StateView } from '../../src/protocol/ports/state.ts';
import { EMPTY_STATE_DIFF } from '../../src/protocol/state-diff.ts';

/** Notes what it is asked for, and answers no blocks. */
export class FakeSimulator implements SimulationService {
  readonly asked: { readonly request: SimulationRequest; readonly base: SimulationBase }[] = [];
  readonly #state: () => StateView;

  constructor(state: () => StateView) {
    this.#state = state;
  }

  async simulate(request: SimulationRequest, base: SimulationBase): Promise<string> {
    this.asked.push({ request, base });
    return '[]';
  }

  async newestState(since: number | undefined): ReturnType<SimulationService['newestState']> {
    return { state: this.#state(), changes: since === undefined ? undefined : EMPTY_STATE_DIFF };
  }
}
