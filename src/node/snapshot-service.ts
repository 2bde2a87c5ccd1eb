import { workerData } from 'node:worker_threads';
import type { StateSnapshot } from '../protocol/ports/state-snapshot.ts';
import type { Hash } from '../protocol/primitives.ts';
import { SnapshotStore } from '../store/snapshot/snapshot-store.ts';
import type { SnapshotManifest, SnapshotPoint } from '../store/snapshot/snapshot-types.ts';
import { StrobeError } from '../util/errors.ts';
import { serveThread } from '../util/thread.ts';

/** What a writer of snapshots is told when it is made; it crosses a thread boundary. */
export interface SnapshotServiceOptions {
  readonly directory: string;
  readonly genesisHash: Hash;
  readonly keep?: number;
  readonly bytesPerSecond?: number;
}

/** One snapshot to write; `handle` is what state is attached to by, whatever the table makes of it. */
export interface SnapshotRequest<Handle> {
  readonly point: SnapshotPoint;
  readonly handle: Handle;
}

/** The state behind `handle` at the end of mini-block `number`, in the writer's thread; undefined when it is not kept. */
export type AttachSnapshot<Handle> = (handle: Handle, number: number) => StateSnapshot | undefined;

/** A fraction of what disks take that also hold a log: a million keys in under a second. */
const DEFAULT_BYTES_PER_SECOND = 64 * 1024 * 1024;

/** The writer's side of {@link SnapshotHost}, in whatever thread it runs. */
export class SnapshotService<Handle> {
  readonly #options: SnapshotServiceOptions;
  readonly #attach: AttachSnapshot<Handle>;
  #store: SnapshotStore | undefined;

  constructor(options: SnapshotServiceOptions, attach: AttachSnapshot<Handle>) {
    this.#options = options;
    this.#attach = attach;
  }

  /** @throws StrobeError SNAPSHOT_OUTRUN, and as SnapshotStore.open and write */
  async write({ point, handle }: SnapshotRequest<Handle>, signal?: AbortSignal): Promise<SnapshotManifest> {
    const { bytesPerSecond = DEFAULT_BYTES_PER_SECOND, ...options } = this.#options;
    this.#store ??= await SnapshotStore.open(options);
    const { number } = point.head;
    const snapshot = this.#attach(handle, number);
    if (snapshot === undefined) {
      throw new StrobeError('SNAPSHOT_OUTRUN', 'the state that the snapshot is of is not kept', { number });
    }
    const pace = signal === undefined ? { bytesPerSecond } : { bytesPerSecond, signal };
    return this.#store.write(point, snapshot, pace);
  }
}

/** Writes snapshots in this worker thread, for whoever started it with SnapshotServiceOptions. */
export function serveSnapshots<Handle>(attach: AttachSnapshot<Handle>): void {
  const service = new SnapshotService(workerData as SnapshotServiceOptions, attach);
  serveThread({ write: (request: SnapshotRequest<Handle>) => service.write(request) });
}
