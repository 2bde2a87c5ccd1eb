import type { IndexedTransaction, RpcBackend } from '../../protocol/ports/chain.ts';
import { errorMessage } from '../../util/errors.ts';
import { rpcError } from '../rpc-error.ts';
import { CatchUp } from './catch-up.ts';
import type { Feed, StreamSubscriber } from './feed.ts';
import type { MiniBlockRing } from './mini-block-ring.ts';
import type { ResumeCursor } from './resume-cursor.ts';
import { type ResumePoint, ResumePoints } from './resume-point.ts';

export interface ResumptionLimits {
  readonly maxResumptions: number;
  readonly maxResumeMiniBlocks: number;
}

interface ResumptionModules {
  readonly ring: MiniBlockRing;
  readonly backend: Pick<RpcBackend, 'chain'>;
  readonly logger: { error(fields: object, message: string): void };
}

/** A resumption that is asked for: to be checked, then started. */
export interface PreparedResumption {
  /** @throws StrobeError RESUME_AHEAD, RESUME_TOO_OLD, RESUME_ORPHANED */
  check(): Promise<void>;
  start(subscriber: StreamSubscriber): () => void;
}

/** Subscribers on their way from a cursor to the newest mini-block. */
export class Resumptions {
  readonly #limits: ResumptionLimits;
  readonly #modules: ResumptionModules;
  readonly #points: ResumePoints;
  readonly #running = new Set<CatchUp>();

  constructor(limits: ResumptionLimits, modules: ResumptionModules) {
    this.#limits = limits;
    this.#modules = modules;
    const { ring, backend } = modules;
    this.#points = new ResumePoints({ maxDistance: limits.maxResumeMiniBlocks }, { ring, chain: backend.chain });
  }

  /** @throws StrobeError LIMIT_EXCEEDED */
  prepare(cursor: ResumeCursor, feed: Feed): PreparedResumption {
    if (this.#running.size >= this.#limits.maxResumptions) {
      throw rpcError('LIMIT_EXCEEDED', 'too many subscriptions are being resumed: try again');
    }
    let point: ResumePoint | undefined;
    return {
      check: async () => {
        point = await this.#points.find(cursor);
      },
      start: (subscriber) => this.#start(point, feed, subscriber),
    };
  }

  onRollback(number: number, removed: readonly IndexedTransaction[]): void {
    for (const catchUp of this.#running) catchUp.onRollback(number, removed);
  }

  #start(point: ResumePoint | undefined, feed: Feed, subscriber: StreamSubscriber): () => void {
    const { ring, backend, logger } = this.#modules;
    if (point?.rollbacks !== ring.rollbacks) {
      // The answer is out, and the cursor may be undone: who comes again is told.
      subscriber.drop('the chain went back');
      return () => {};
    }
    const catchUp = new CatchUp(point, { ring, chain: backend.chain, feed, subscriber });
    this.#running.add(catchUp);
    catchUp
      .run()
      .catch((error: unknown) => {
        logger.error({ err: error }, `a subscription could not be resumed: ${errorMessage(error)}`);
        subscriber.drop('internal error');
      })
      .finally(() => this.#running.delete(catchUp));
    return () => catchUp.stop();
  }
}
