import type { AppliedMiniBlock } from '../../protocol/ports/chain.ts';
import type { AccountChange, StateChangeReader } from '../../protocol/ports/state-changes.ts';
import type { Address } from '../../protocol/primitives.ts';
import { toKey } from '../../util/bytes.ts';
import { errorMessage } from '../../util/errors.ts';
import { formatShred, formatStateChange } from '../format-shred.ts';
import { type Feed, HeldMessages, pushRollback, type StreamSubscriber } from './feed.ts';
import { cursorOf } from './resume-cursor.ts';

/** Mini-blocks whose changes wait to be read; beyond it something is wrong with reading, and the subscribers are let go. */
const MAX_WAITING = 4_096;

export interface ChangeStreamLogger {
  error(fields: object, message: string): void;
}

interface ChangeStreamModules {
  readonly stateChanges: StateChangeReader;
  readonly logger: ChangeStreamLogger;
  /** Number of the newest mini-block. */
  readonly newest: () => number;
}

/** Somebody who wants what comes behind mini-block `after`. */
interface Follower {
  readonly subscriber: StreamSubscriber;
  after: number;
}

/** The chain went back to this cursor; it waits for its turn behind what still has to be pushed. */
interface Rollback {
  readonly cursorJson: string | undefined;
  /** Those who followed then: who came later knows nothing of what was undone. */
  readonly followers: readonly Follower[];
}

/**
 * MegaETH's `stateChanges` and RISE's shreds with state changes. What a mini-block changed is read a moment after its
 * event, once for all subscribers and only of the accounts that they ask for.
 */
export class ChangeStream {
  readonly #modules: ChangeStreamModules;
  readonly #byAddress = new Map<string, Set<Follower>>();
  readonly #shreds = new Set<Follower>();
  readonly #followers = new Set<Follower>();
  /** Keys of `#byAddress`, made again when they change. */
  #addresses: ReadonlySet<string> | undefined;
  #waiting: (AppliedMiniBlock | Rollback)[] = [];
  #isReading = false;
  /** Lowest mini-block that the chain went back to since the present read began. */
  #undoneAbove = Number.POSITIVE_INFINITY;

  constructor(modules: ChangeStreamModules) {
    this.#modules = modules;
  }

  /** Changes of these accounts. */
  accounts(addresses: readonly Address[]): Feed {
    const keys = new Set(addresses.map(toKey));
    return {
      join: (subscriber) => this.#join(subscriber, (follower) => this.#followAccounts(keys, follower)),
      replay: async (applied) => (await this.#read(applied, keys))?.map((change) => JSON.stringify(formatStateChange(change))),
      undo: () => [],
    };
  }

  /** Whole mini-blocks with all of their changes. */
  shreds(): Feed {
    return {
      join: (subscriber) =>
        this.#join(subscriber, (follower) => {
          this.#shreds.add(follower);
          return () => this.#shreds.delete(follower);
        }),
      replay: async (applied) => {
        const changes = await this.#read(applied, undefined);
        return changes && [JSON.stringify(formatShred(applied, changes))];
      },
      undo: () => [],
    };
  }

  publish(applied: AppliedMiniBlock): void {
    this.#enqueue(applied);
  }

  onRollback(number: number, cursorJson: string | undefined): void {
    this.#undoneAbove = Math.min(this.#undoneAbove, number);
    this.#waiting = this.#waiting.filter((next) => !isMiniBlock(next) || next.miniBlock.envelope.number <= number);
    for (const follower of this.#followers) follower.after = Math.min(follower.after, number);
    this.#enqueue({ cursorJson, followers: [...this.#followers] });
  }

  #enqueue(next: AppliedMiniBlock | Rollback): void {
    if (this.#followers.size === 0) return;
    this.#waiting.push(next);
    if (this.#waiting.length > MAX_WAITING) this.#dropAll('state changes are behind');
    if (this.#isReading) return;
    this.#isReading = true;
    void this.#readWaiting();
  }

  #join(subscriber: StreamSubscriber, follow: (follower: Follower) => () => void): () => void {
    const follower = { subscriber, after: this.#modules.newest() };
    const leave = follow(follower);
    this.#followers.add(follower);
    return () => {
      this.#followers.delete(follower);
      leave();
    };
  }

  #followAccounts(keys: ReadonlySet<string>, follower: Follower): () => void {
    this.#addresses = undefined;
    for (const key of keys) {
      const followers = this.#byAddress.get(key);
      if (followers === undefined) this.#byAddress.set(key, new Set([follower]));
      else followers.add(follower);
    }
    return () => {
      this.#addresses = undefined;
      for (const key of keys) {
        const followers = this.#byAddress.get(key);
        followers?.delete(follower);
        if (followers?.size === 0) this.#byAddress.delete(key);
      }
    };
  }

  #read(applied: AppliedMiniBlock, wanted: ReadonlySet<string> | undefined): ReturnType<StateChangeReader['of']> {
    return this.#modules.stateChanges.of(applied.miniBlock.envelope.number, wanted);
  }

  async #readWaiting(): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
        if (isMiniBlock(next)) await this.#readMiniBlock(next);
        else this.#pushRollback(next);
      }
    } catch (error) {
      this.#modules.logger.error({ err: error }, `state changes could not be read: ${errorMessage(error)}`);
      this.#dropAll('state changes could not be read');
    } finally {
      this.#isReading = false;
    }
  }

  #pushRollback({ cursorJson, followers }: Rollback): void {
    for (const follower of followers) if (this.#followers.has(follower)) pushRollback(follower.subscriber, cursorJson);
  }

  async #readMiniBlock(applied: AppliedMiniBlock): Promise<void> {
    this.#undoneAbove = Number.POSITIVE_INFINITY;
    this.#addresses ??= new Set(this.#byAddress.keys());
    const changes = await this.#read(applied, this.#shreds.size > 0 ? undefined : this.#addresses);
    if (applied.miniBlock.envelope.number > this.#undoneAbove) return;
    if (changes === undefined) this.#dropAll('state changes are not kept any more');
    else this.#push(applied, changes);
  }

  #push(applied: AppliedMiniBlock, changes: readonly AccountChange[]): void {
    const { number } = applied.miniBlock.envelope;
    const held = new HeldMessages();
    for (const change of changes) {
      let json: string | undefined;
      for (const { subscriber, after } of this.#byAddress.get(toKey(change.address)) ?? []) {
        if (number <= after) continue;
        json ??= JSON.stringify(formatStateChange(change));
        held.push(subscriber, json);
      }
    }
    let shred: string | undefined;
    for (const { subscriber, after } of this.#shreds) {
      if (number <= after) continue;
      shred ??= JSON.stringify(formatShred(applied, changes));
      held.push(subscriber, shred);
    }
    let cursor: string | undefined;
    held.flush(() => {
      cursor ??= cursorOf(applied);
      return cursor;
    });
  }

  /** Nobody goes on with a gap. */
  #dropAll(reason: string): void {
    this.#waiting = [];
    for (const { subscriber } of [...this.#followers]) subscriber.drop(reason);
  }
}

function isMiniBlock(next: AppliedMiniBlock | Rollback): next is AppliedMiniBlock {
  return 'miniBlock' in next;
}
