import type { ProvenBlock, SlotProof, StateProof, StateProver } from '../protocol/ports/proofs.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { invariant, StrobeError } from '../util/errors.ts';
import type { ProofRequest } from './trie-history.ts';

/** Slots proven in one go: a millisecond or two of the thread, which may have a block to seal. */
const SLOTS_PER_SLICE = 32;
/** Proofs that wait for their turn; each is at most as many slices as JSON-RPC lets pass. */
const MAX_WAITING = 256;

/** Asks a thread that has other work, too, for proofs: a slice at a time, one after the other. */
export class SlicedProver implements StateProver {
  readonly #slice: (request: ProofRequest) => Promise<StateProof>;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  /** @param slice proves in the thread */
  constructor(slice: (request: ProofRequest) => Promise<StateProof>) {
    this.#slice = slice;
  }

  async prove({ stateRoot }: ProvenBlock, address: Address, keys: readonly Hash[]): Promise<StateProof> {
    if (this.#waiting === MAX_WAITING) {
      throw new StrobeError('PROOFS_BUSY', 'too many proofs wait to be made', { waiting: this.#waiting });
    }
    this.#waiting++;
    const proof = this.#last.then(() => this.#whole({ stateRoot, address, keys }));
    this.#last = proof.catch(() => {});
    return proof.finally(() => this.#waiting--);
  }

  async #whole(request: ProofRequest): Promise<StateProof> {
    const slots: SlotProof[] = [];
    let proof: StateProof | undefined;
    for (let at = 0; at === 0 || at < request.keys.length; at += SLOTS_PER_SLICE) {
      const slice = await this.#slice({ ...request, keys: request.keys.slice(at, at + SLOTS_PER_SLICE) });
      slots.push(...slice.slots);
      proof ??= slice;
    }
    invariant(proof !== undefined, 'there is a first slice');
    return { ...proof, slots };
  }
}
