import type { Client } from './client-table.ts';

/** Sends one result (already JSON) to one subscription. */
export type Push = (resultJson: string) => void;

/** Starts the flow of events of a subscription; the returned function ends it. */
export type StartSubscription = (push: Push) => () => void;

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
