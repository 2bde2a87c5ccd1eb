import type { AppliedMiniBlock, IndexedTransaction } from '../../protocol/ports/chain.ts';
import type { Subscriber } from '../rpc-caller.ts';

/** Somebody who follows mini-blocks. */
export interface StreamSubscriber extends Subscriber {
  /** It is told up to where everything has been sent, and after a rollback where the chain went back to. */
  readonly wantsCursors: boolean;
}

/** What one subscriber follows, mini-block by mini-block: a dialect and its filter. */
export interface Feed {
  /** Lets what comes behind the newest mini-block flow; the returned function ends it. */
  join(subscriber: StreamSubscriber): () => void;
  /** What the subscriber gets of one mini-block, in order, as JSON; undefined when that is not kept any more. */
  replay(applied: AppliedMiniBlock): readonly string[] | undefined | Promise<readonly string[] | undefined>;
  /** What it is told when these transactions, which it knows, are undone. */
  undo(removed: readonly IndexedTransaction[]): readonly string[];
}

/** Pushes messages of one mini-block in order; with the last one everything up to the cursor has been sent. */
export function pushAll({ push }: Subscriber, messages: readonly string[], cursorJson?: string): void {
  for (let at = 0; at < messages.length; at++) push(messages[at] as string, at === messages.length - 1 ? cursorJson : undefined);
}

/**
 * Says that everything behind a cursor was undone: a push of `null` with it. Where the cursor is not known any more, the
 * connection is closed, and whoever comes again learns the fork point.
 */
export function pushRollback({ wantsCursors, push, drop }: StreamSubscriber, cursorJson: string | undefined): void {
  if (!wantsCursors) return;
  if (cursorJson === undefined) drop('the chain went back far');
  else push('null', cursorJson);
}

/** Holds back each subscriber's newest message of a mini-block, since only the last one carries the cursor. */
export class HeldMessages {
  readonly #newest = new Map<Subscriber, string>();

  push(subscriber: Subscriber, json: string): void {
    const before = this.#newest.get(subscriber);
    if (before !== undefined) subscriber.push(before);
    this.#newest.set(subscriber, json);
  }

  /** The mini-block has no more. */
  flush(cursor?: () => string): void {
    for (const [subscriber, last] of this.#newest) subscriber.push(last, cursor?.());
  }
}
