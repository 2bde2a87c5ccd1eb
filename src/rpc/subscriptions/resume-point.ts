import type { AppliedMiniBlock, ChainReader } from '../../protocol/ports/chain.ts';
import { bytesEqual } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { rpcError } from '../rpc-error.ts';
import type { MiniBlockRing } from './mini-block-ring.ts';
import type { ResumeCursor } from './resume-cursor.ts';

/** Where a resumption begins: behind a mini-block of the chain as it was when `rollbacks` rollbacks had been seen. */
export interface ResumePoint {
  readonly number: number;
  readonly rollbacks: number;
}

interface ResumeModules {
  readonly ring: MiniBlockRing;
  readonly chain: Pick<ChainReader, 'miniBlock' | 'genesisHash' | 'safeNumber' | 'sealOf'>;
}

/** Finds the place of a cursor in the chain. */
export class ResumePoints {
  readonly #maxDistance: number;
  readonly #modules: ResumeModules;

  /** @param options.maxDistance mini-blocks behind the newest that a subscriber may resume from at most */
  constructor(options: { maxDistance: number }, modules: ResumeModules) {
    this.#maxDistance = options.maxDistance;
    this.#modules = modules;
  }

  /** @throws StrobeError RESUME_AHEAD, RESUME_TOO_OLD, RESUME_ORPHANED */
  async find(cursor: ResumeCursor): Promise<ResumePoint> {
    const { ring } = this.#modules;
    // What a rollback overtakes is read again; there is next to never one.
    for (;;) {
      const { rollbacks } = ring;
      const [result] = await Promise.allSettled([this.#check(cursor)]);
      if (rollbacks !== ring.rollbacks) continue;
      if (result.status === 'rejected') throw result.reason;
      return { number: cursor.number, rollbacks };
    }
  }

  /** The cursor's mini-block is of this chain, and what follows it can be read. */
  async #check({ number, identity }: ResumeCursor): Promise<void> {
    const { ring, chain } = this.#modules;
    const { newest } = ring;
    const forkPoint = identity && ring.forkPoint(identity.digest);
    if (forkPoint !== undefined) throw orphaned(number, forkPoint);
    if (number > newest) throw await this.#ahead(number, identity);
    // A mini-block names its parent's digest.
    const next = number < newest ? await this.#kept(number + 1) : undefined;
    const digest =
      number === 0 ? chain.genesisHash : (next?.miniBlock.envelope.parentDigest ?? (await this.#kept(number)).miniBlock.digest);
    if (identity !== undefined && !bytesEqual(identity.digest, digest)) throw await this.#orphaned(number, identity.epoch);
  }

  /** A mini-block that is needed. @throws StrobeError RESUME_TOO_OLD */
  async #kept(number: number): Promise<AppliedMiniBlock> {
    const { newest } = this.#modules.ring;
    const oldest = Math.max(newest - this.#maxDistance, 0);
    const miniBlock = number > oldest ? await this.#read(number) : undefined;
    if (miniBlock !== undefined) return miniBlock;
    const first = await this.#lowest(Math.max(number, oldest + 1), newest, (candidate) => candidate !== undefined);
    const message = `mini-block ${number - 1} is too old to resume from: the oldest is ${first - 1}`;
    throw rpcError('RESUME_TOO_OLD', message, { data: quantity(first - 1) });
  }

  /** A number that is not here yet is of an older epoch that was cut off below it, or of a node that is further on. */
  async #ahead(number: number, identity: ResumeCursor['identity']): Promise<Error> {
    const { newest } = this.#modules.ring;
    const epoch = newest === 0 ? undefined : (await this.#read(newest))?.miniBlock.envelope.epoch;
    if (identity !== undefined && epoch !== undefined && identity.epoch < epoch) return this.#orphaned(number, identity.epoch);
    const message = `mini-block ${number} is not here yet: the newest is ${newest}`;
    return rpcError('RESUME_AHEAD', message, { data: quantity(newest) });
  }

  /** Epochs ascend along the chain: the first mini-block of a later one follows where the cursor's was cut off. */
  async #orphaned(number: number, epoch: number): Promise<Error> {
    const { ring, chain } = this.#modules;
    const isLater = (applied: AppliedMiniBlock | undefined): boolean =>
      applied !== undefined && applied.miniBlock.envelope.epoch > epoch;
    const cut = (await this.#lowest(1, ring.newest + 1, isLater)) - 1;
    const isKnown = cut < Math.min(number, ring.newest) && (cut === 0 || (await this.#read(cut)) !== undefined);
    if (isKnown) return orphaned(number, cut);
    // Nothing is known of the cursor's chain. What is safe here is common to all that are honest.
    const safe = (await chain.sealOf(chain.safeNumber() ?? 0))?.lastNumber ?? 0;
    return orphaned(number, number > safe ? safe : 0);
  }

  /** The lowest number from `low` to `high` that the condition holds for, which goes on to hold above it; `high` if there is none. */
  async #lowest(low: number, high: number, holds: (applied: AppliedMiniBlock | undefined) => boolean): Promise<number> {
    let [from, to] = [low, high];
    while (from < to) {
      const middle = Math.floor((from + to) / 2);
      if (holds(await this.#read(middle))) to = middle;
      else from = middle + 1;
    }
    return from;
  }

  async #read(number: number): Promise<AppliedMiniBlock | undefined> {
    return this.#modules.ring.get(number) ?? this.#modules.chain.miniBlock(number);
  }
}

function orphaned(number: number, forkPoint: number): Error {
  const message = `mini-block ${number} was undone: what follows mini-block ${forkPoint} is another chain now`;
  return rpcError('RESUME_ORPHANED', message, { data: quantity(forkPoint) });
}
