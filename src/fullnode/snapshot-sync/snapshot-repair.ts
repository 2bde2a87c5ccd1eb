import type { AttestedOffer } from './attested-offers.ts';

export interface SnapshotRepairOptions {
  /** The mini-block that cannot be read beside the state here. */
  readonly number: number;
  /** For people. */
  readonly why: string;
  /** How long peers are asked while none of them offers anything of use, ms. */
  readonly withinMs: number;
}

export interface SnapshotRepairModules {
  /** True for a safe block of this node's chain from which on its log has everything. */
  readonly leadsOn: (offer: AttestedOffer) => Promise<boolean>;
  readonly nowMs: () => number;
}

export interface RepairChoice {
  readonly offer: AttestedOffer;
  /** True: the state alone is replaced, and the node's own log leads from its block to the head. */
  readonly keepsChain: boolean;
}

/** The search for a snapshot that replaces a wrong state. */
export class SnapshotRepair {
  readonly options: SnapshotRepairOptions;
  readonly #modules: SnapshotRepairModules;
  /** Since when peers have offered nothing of use. */
  #uselessSinceMs: number | undefined;

  constructor(options: SnapshotRepairOptions, modules: SnapshotRepairModules) {
    this.options = options;
    this.#modules = modules;
  }

  /**
   * One of a block that this node has, so that nothing but the state is lost, or else one that is ahead of it, with which
   * the chain here begins anew.
   * @param offers newest first
   * @returns `hopeless` when there has been none for too long
   */
  async choose(headBlock: number, offers: readonly AttestedOffer[]): Promise<RepairChoice | 'none' | 'hopeless'> {
    const choice = await this.#among(headBlock, offers);
    const now = this.#modules.nowMs();
    if (choice === undefined) {
      this.#uselessSinceMs ??= now;
      return now - this.#uselessSinceMs < this.options.withinMs ? 'none' : 'hopeless';
    }
    this.#uselessSinceMs = undefined;
    return choice;
  }

  async #among(headBlock: number, offers: readonly AttestedOffer[]): Promise<RepairChoice | undefined> {
    for (const offer of offers) {
      if (offer.blockNumber <= headBlock && (await this.#modules.leadsOn(offer))) return { offer, keepsChain: true };
    }
    const [newest] = offers;
    return newest !== undefined && newest.blockNumber > headBlock ? { offer: newest, keepsChain: false } : undefined;
  }
}
