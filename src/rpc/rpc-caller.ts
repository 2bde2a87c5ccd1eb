import type { Client } from './client-table.ts';

/**
 * Sends one result (already JSON) to one subscription. `cursorJson` says beside the result up to where everything has been
 * sent (see resume-cursor.ts).
 */
export type Push = (resultJson: string, cursorJson?: string) => void;

/** The way to one subscriber. */
export interface Subscriber {
  readonly push: Push;
  /** Bytes of its connection that are not sent yet. */
  queuedBytes(): number;
  /** Resolves when nothing of its connection waits to be sent any more, or it is closed. */
  flushed(): Promise<void>;
  /** Closes its connection: this subscription cannot go on without a gap. */
  drop(reason: string): void;
}

/** Starts the flow of events of a subscription; the returned function ends it. */
export type StartSubscription = (subscriber: Subscriber) => () => void;

/** The subscriptions of the connection that a request came in on. */
export interface CallerSubscriptions {
  /**
   * Opens a subscription whose events start right after the answer to this request has gone out.
   * @returns its id
   * @throws StrobeError LIMIT_EXCEEDED
   */
  open(start: StartSubscription): string;
  /** False when this connection has no such subscription. */
  close(id: string): boolean;
}

/** Who asks. */
export interface RpcCaller {
  /** Whose allowance it is that the request uses. */
  readonly client: Client;
  /** Undefined where nothing can be pushed (HTTP). */
  readonly subscriptions: CallerSubscriptions | undefined;
}
