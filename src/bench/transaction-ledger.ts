import type { ChangeSignal } from './change-signal.ts';
import { type HashIndex, VisibilityLog } from './visibility-log.ts';

/** What the sender knows of a transaction; whether it was included is the visibility log's business. */
const UNSENT = 0;
const SENT = 1;
const REJECTED = 2;
const STRANDED = 3;

/** Different error texts kept; a node that invents a new one for each transaction must not fill the report. */
const MAX_ERROR_KINDS = 50;
const MAX_ERROR_LENGTH = 160;

export type ErrorCount = { code: string; message: string; count: number };

/** The book of a run: when each transaction was sent, whether it was refused and when it was seen. */
export class TransactionLedger {
  readonly visibility: VisibilityLog;
  readonly total: number;
  readonly #changes: ChangeSignal;
  readonly #states: Uint8Array;
  readonly #sentAtMs: Float64Array;
  readonly #errors = new Map<string, ErrorCount>();
  #sent = 0;
  #rejected = 0;
  #stranded = 0;
  #pending = 0;
  #firstSentAtMs: number | undefined;
  #lastSeenAtMs: number | undefined;

  /** @param changes notified at every inclusion and refusal */
  constructor(index: HashIndex, changes: ChangeSignal) {
    this.#changes = changes;
    this.visibility = new VisibilityLog(index);
    this.total = index.size;
    this.#states = new Uint8Array(index.size);
    this.#sentAtMs = new Float64Array(index.size);
  }

  /** Handed to the node at least once, refused ones included. */
  get sent(): number {
    return this.#sent;
  }

  get rejected(): number {
    return this.#rejected;
  }

  /** Taken by the node but behind a refused transaction of the same sender, so they cannot be included. */
  get stranded(): number {
    return this.#stranded;
  }

  /** Taken by the node, as far as we know, able to be included, and not seen yet. */
  get pending(): number {
    return this.#pending;
  }

  get firstSentAtMs(): number | undefined {
    return this.#firstSentAtMs;
  }

  /** When the latest inclusion became visible. */
  get lastSeenAtMs(): number | undefined {
    return this.#lastSeenAtMs;
  }

  /** A repeated send keeps the first time: the user has waited since then. */
  markSent(index: number, atMs: number): void {
    if (this.#states[index] !== UNSENT) return;
    this.#states[index] = SENT;
    this.#sentAtMs[index] = atMs;
    this.#firstSentAtMs ??= atMs;
    this.#sent++;
    this.#pending++;
  }

  /** The node refused it for good. */
  markRejected(index: number): void {
    if (this.#close(index, REJECTED)) this.#rejected++;
  }

  /** An earlier transaction of its sender was refused for good. */
  markStranded(index: number): void {
    if (this.#close(index, STRANDED)) this.#stranded++;
  }

  /** Counts an error by code and text, numbers and hex in it replaced, so that equal causes add up. */
  countError(code: number | string, message: string): void {
    const text = message
      .slice(0, MAX_ERROR_LENGTH)
      .replace(/0x[0-9a-fA-F]+|\d+/g, (digits) => (digits.startsWith('0x') ? '0x…' : '#'));
    let key = `${code} ${text}`;
    let entry: ErrorCount = { code: String(code), message: text, count: 0 };
    if (!this.#errors.has(key) && this.#errors.size >= MAX_ERROR_KINDS) {
      key = 'other';
      entry = { code: 'other', message: 'further kinds of errors', count: 0 };
    }
    entry = this.#errors.get(key) ?? entry;
    entry.count++;
    this.#errors.set(key, entry);
  }

  /** Most frequent first. */
  errors(): ErrorCount[] {
    return [...this.#errors.values()].sort((a, b) => b.count - a.count);
  }

  recordIncluded(hashes: readonly string[], atMs: number): void {
    const added = this.visibility.record(hashes, atMs);
    if (added.length === 0) return;
    for (const index of added) if (this.#states[index] === SENT) this.#pending--;
    this.#lastSeenAtMs = atMs;
    this.#changes.notify();
  }

  wasSent(index: number): boolean {
    return this.#states[index] !== UNSENT;
  }

  /** True when it was sent, not refused, and not stranded: its receipt must exist in the end. */
  isAccepted(index: number): boolean {
    return this.#states[index] === SENT;
  }

  /** From its first send until it was seen; undefined when either is missing. */
  latencyMs(index: number): number | undefined {
    const seenAtMs = this.visibility.seenAtMs(index);
    if (seenAtMs === undefined || this.#states[index] === UNSENT) return undefined;
    return seenAtMs - (this.#sentAtMs[index] as number);
  }

  #close(index: number, state: number): boolean {
    if (this.#states[index] !== SENT) return false;
    this.#states[index] = state;
    if (this.visibility.seenAtMs(index) === undefined) this.#pending--;
    this.#changes.notify();
    return true;
  }
}
