import type { LatencySummary } from '../../../src/bench/latency-histogram.ts';

/** Reads of one kind at one server, as fast as it answers. Plain data, as it goes to the client's process. */
export interface ReadJob {
  readonly kind: 'reads';
  readonly port: number;
  /** JSON bodies, sent in turn. */
  readonly bodies: readonly string[];
  /** Reads of each body. */
  readonly readsOfBody: number;
  readonly connections: number;
  readonly maxReads: number;
  readonly maxMs: number;
}

export interface ReadOutcome {
  readonly reads: number;
  readonly seconds: number;
  /** Processor time of the client. */
  readonly clientSeconds: number;
  /** Of requests: a batch is one. */
  readonly latency: LatencySummary;
}

/** Synchronous sends, one at a time, in turn to either server. */
export interface SyncJob {
  readonly kind: 'sync';
  readonly urls: readonly [direct: string, replica: string];
  /** Signed transactions in the order of their nonces: one for each server, and so on. */
  readonly transactions: readonly string[];
  /** Milliseconds to wait before each, so that sends fall on any part of the sequencer's beat. */
  readonly pausesMs: readonly number[];
}

export interface SyncOutcome {
  readonly direct: LatencySummary;
  readonly replica: LatencySummary;
}

/** What the client's process answers. */
export type LoadAnswer = { readonly outcome: ReadOutcome | SyncOutcome } | { readonly error: string };
