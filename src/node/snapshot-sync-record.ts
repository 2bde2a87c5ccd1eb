import { BannedPeers } from '../fullnode/snapshot-sync/banned-peers.ts';
import type { SnapshotPhase, SnapshotSyncMetrics } from '../fullnode/snapshot-sync/snapshot-sync-types.ts';
import { PeerMemory } from '../network/peer-memory.ts';
import type { MetricFactory } from '../observability/metrics.ts';

/** JSON-safe. */
export interface SnapshotSyncSummary {
  readonly block: number;
  readonly bytes: number;
  readonly chunks: number;
  readonly refusedChunks: number;
  /** By phase. */
  readonly seconds: Readonly<Partial<Record<SnapshotPhase, number>>>;
}

/**
 * What taking snapshots from peers has cost this process. It outlives the parts of the node, which begin anew with the
 * state that was taken, and so do the metrics that it feeds.
 */
export class SnapshotSyncRecord {
  /** Who gave something false. */
  readonly banned = new BannedPeers();
  /** How peers stand. */
  readonly peers = new PeerMemory();
  #bytes = 0;
  #chunks = 0;
  #refusedChunks = 0;
  readonly #seconds = new Map<SnapshotPhase, number>();
  #block: number | undefined;
  #repaired: number | undefined;
  #repairs = 0;
  #switchStartedMs: number | undefined;

  /** Declares the metrics anew: a counter goes on from where it was. */
  metrics(factory: MetricFactory): SnapshotSyncMetrics {
    const bytes = factory.counter({
      name: 'snapshot_sync_bytes_total',
      help: 'Bytes of state in checked chunks of snapshots from peers.',
    });
    const chunks = factory.counter({ name: 'snapshot_sync_chunks_total', help: 'Checked chunks of snapshots from peers.' });
    const refused = factory.counter({
      name: 'snapshot_sync_refused_chunks_total',
      help: 'Chunks from peers that were not what the manifest says.',
    });
    const seconds = factory.gauge({
      name: 'snapshot_sync_seconds',
      help: 'Time that the last snapshot from peers took, by phase.',
      labelNames: ['phase'],
      collect: (gauge) => {
        for (const [phase, value] of this.#seconds) gauge.set({ phase }, value);
      },
    });
    const repairs = factory.counter({
      name: 'state_repairs_total',
      help: 'Times that the state was replaced by a snapshot from peers since a mini-block could not be read beside it.',
    });
    repairs.inc(this.#repairs);
    bytes.inc(this.#bytes);
    chunks.inc(this.#chunks);
    refused.inc(this.#refusedChunks);
    seconds.reset();
    return {
      recordChunk: (length) => {
        this.#bytes += length;
        this.#chunks++;
        bytes.inc(length);
        chunks.inc();
      },
      recordRefusedChunk: () => {
        this.#refusedChunks++;
        refused.inc();
      },
      recordPhase: (phase, value) => this.#seconds.set(phase, value),
    };
  }

  /** A snapshot is complete, and the node begins anew with it. */
  beginSwitch(): void {
    this.#switchStartedMs = performance.now();
  }

  /** The node has the state of the snapshot. */
  noteTaken(block: number, repairs: number | undefined): void {
    this.#block = block;
    this.#repaired = repairs ?? this.#repaired;
    if (repairs !== undefined) this.#repairs++;
  }

  /** The mini-block that the state was replaced for last; undefined: none. */
  get repaired(): number | undefined {
    return this.#repaired;
  }

  /** The node has started. */
  noteStarted(): void {
    if (this.#switchStartedMs === undefined) return;
    this.#seconds.set('switch', (performance.now() - this.#switchStartedMs) / 1_000);
    this.#switchStartedMs = undefined;
  }

  /** The last snapshot taken by this process; undefined: none. */
  summary(): SnapshotSyncSummary | undefined {
    if (this.#block === undefined) return undefined;
    return {
      block: this.#block,
      bytes: this.#bytes,
      chunks: this.#chunks,
      refusedChunks: this.#refusedChunks,
      seconds: Object.fromEntries(this.#seconds),
    };
  }
}
