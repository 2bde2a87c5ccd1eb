import type { PooledBytes } from '../protocol/ports/pool.ts';
import type { Bytes } from '../util/bytes.ts';
import { TokenBucket } from '../util/token-bucket.ts';
import { encodeLinkFrame, LINK_KIND } from './link-frames.ts';
import { encodePooled } from './link-pending.ts';
import { PENDING_PUSH_BURST_BYTES, PENDING_PUSH_BYTES_PER_SECOND } from './network-limits.ts';

/** A replica that watches the pool. */
export interface PushTarget {
  /** Sends a frame if there is room for it; false: it is skipped. */
  offer(frame: Bytes): boolean;
}

export interface PendingPushModules {
  /** Whether the core is to tell of new transactions. */
  readonly watch: (isWatched: boolean) => Promise<void>;
  readonly onSkipped: (count: number) => void;
}

/** The sequencer's new transactions on their way to the replicas that watch: each is encoded once. */
export class PendingPush {
  readonly #modules: PendingPushModules;
  readonly #targets = new Set<PushTarget>();
  readonly #allowance = new TokenBucket(
    { perSecond: PENDING_PUSH_BYTES_PER_SECOND, burst: PENDING_PUSH_BURST_BYTES },
    performance.now(),
  );

  constructor(modules: PendingPushModules) {
    this.#modules = modules;
  }

  /** From the end of the promise on it is shown what enters the pool. Idempotent. */
  async add(target: PushTarget): Promise<void> {
    const isFirst = this.#targets.size === 0;
    this.#targets.add(target);
    if (isFirst) await this.#modules.watch(true);
  }

  /** Never rejects. */
  async remove(target: PushTarget): Promise<void> {
    if (!this.#targets.delete(target) || this.#targets.size > 0) return;
    // A core that stops tells of nothing any more.
    await this.#modules.watch(false).catch(() => undefined);
  }

  push(pooled: PooledBytes): void {
    if (this.#targets.size === 0) return;
    const frame = encodeLinkFrame({ kind: LINK_KIND.pooled, id: 0, body: encodePooled(pooled) });
    // All or none, so that no replica is always the one that comes too late.
    const isAllowed = this.#allowance.take(frame.length * this.#targets.size, performance.now());
    let skipped = 0;
    for (const target of this.#targets) if (!isAllowed || !target.offer(frame)) skipped++;
    if (skipped > 0) this.#modules.onSkipped(skipped);
  }
}
