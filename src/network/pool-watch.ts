import { setTimeout as setTimeoutPromise } from 'node:timers/promises';
import { LINK_KIND } from './link-frames.ts';
import { encodeWatch } from './link-pending.ts';
import type { LinkRequests } from './link-requests.ts';
import { LINK_RETRY_MS } from './network-limits.ts';

/** The replica's wish to see new transactions: told on every link to the sequencer, until that has heard of it. */
export class PoolWatch {
  #isWanted = false;
  #link: Pick<LinkRequests, 'ask'> | undefined;
  /** What the sequencer knows on this link. */
  #isKnown = false;
  #isTelling = false;

  get isWanted(): boolean {
    return this.#isWanted;
  }

  want(isWanted: boolean): void {
    this.#isWanted = isWanted;
    void this.#tell();
  }

  /** A link was opened, or is lost. */
  follow(link: Pick<LinkRequests, 'ask'> | undefined): void {
    this.#link = link;
    this.#isKnown = false;
    void this.#tell();
  }

  /** One request at a time, however often the wish changes. Never rejects. */
  async #tell(): Promise<void> {
    if (this.#isTelling) return;
    this.#isTelling = true;
    while (this.#link !== undefined && this.#isKnown !== this.#isWanted) await this.#tellOnce(this.#link, this.#isWanted);
    this.#isTelling = false;
  }

  async #tellOnce(link: Pick<LinkRequests, 'ask'>, isWanted: boolean): Promise<void> {
    try {
      await link.ask(LINK_KIND.watchPool, encodeWatch(isWanted));
      if (link === this.#link) this.#isKnown = isWanted;
    } catch {
      // Busy, or lost: then there is another link, or none to wait for.
      if (link === this.#link) await setTimeoutPromise(LINK_RETRY_MS, undefined, { ref: false });
    }
  }
}
