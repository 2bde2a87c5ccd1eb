import type { LogEntry } from '../protocol/ports/log.ts';
import { isMiniBlockRecord } from './log-format.ts';

/**
 * The order of records in a log: mini-block numbers without gaps, every other record at the number of the mini-block it
 * stands behind. An empty log may begin anywhere, since a node that joined by snapshot has no older records.
 */
export class LogOrder {
  #position: number | undefined;
  #firstMiniBlock = 0;
  #lastMiniBlock = 0;

  /** Number of the newest mini-block, 0 when there is none. */
  get lastMiniBlock(): number {
    return this.#lastMiniBlock;
  }

  /** Takes `entries` as the next ones when all of them are in order; otherwise none, and says false. */
  admit(entries: readonly LogEntry[]): boolean {
    let position = this.#position;
    for (const { number, bytes } of entries) {
      if (!Number.isSafeInteger(number) || number < 0) return false;
      const expected = isMiniBlockRecord(bytes) ? (position ?? number - 1) + 1 : (position ?? number);
      if (number !== expected) return false;
      position = number;
    }
    this.#position = position;
    for (const { number, bytes } of entries) {
      if (!isMiniBlockRecord(bytes)) continue;
      if (this.#lastMiniBlock === 0) this.#firstMiniBlock = number;
      this.#lastMiniBlock = number;
    }
    return true;
  }

  /** The mini-blocks below `number` are gone. */
  pruneBelow(number: number): void {
    this.#firstMiniBlock = Math.max(this.#firstMiniBlock, number);
  }

  /** Steps back behind mini-block `number`; `isEmpty` when no record is left. */
  truncate(number: number, isEmpty: boolean): void {
    this.#position = isEmpty ? undefined : Math.min(this.#position ?? number, number);
    this.#lastMiniBlock = number < this.#firstMiniBlock ? 0 : Math.min(this.#lastMiniBlock, number);
  }
}
