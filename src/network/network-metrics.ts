import type { Topic } from '../protocol/ports/network.ts';
import type { Verdict } from '../protocol/verdict.ts';

/** What happened to the node's peers; `peers` is the number connected afterwards. */
export type PeerEvent =
  | { readonly kind: 'connected' | 'disconnected'; readonly peer: string; readonly peers: number }
  /** A peer offended; with `banned` it was disconnected for it. `address` is where it is connected from, for firewalls. */
  | {
      readonly kind: 'offence';
      readonly peer: string;
      readonly code: string;
      readonly banned: boolean;
      readonly address: string | undefined;
    }
  /** A peer did not answer a request, or with nothing of use. */
  | { readonly kind: 'failure'; readonly peer: string; readonly code: string }
  /** A peer was disconnected without a ban: it lags too far behind, or its gossip stream broke. */
  | { readonly kind: 'dropped'; readonly peer: string; readonly reason: string }
  | { readonly kind: 'dialFailed'; readonly address: string; readonly reason: string }
  /** The replica's link to the sequencer. */
  | { readonly kind: 'sequencerLink'; readonly up: boolean };

/** Recorded by the network node on the core thread; the wiring backs it with real metrics. */
export interface NetworkMetrics {
  recordPublished(topic: Topic, bytes: number): void;
  /** The network thread is too far behind, or not running: the message reaches nobody by gossip. */
  recordPublishDropped(topic: Topic, bytes: number): void;
  recordReceived(topic: Topic, bytes: number, verdict: Verdict): void;
  recordPeerEvent(event: PeerEvent): void;
  /** New transactions of the pool that a replica wanted to see and did not, as there was no room on the way. */
  recordPendingSkipped(count: number): void;
}

/** For nodes that nobody scrapes. */
export const NO_NETWORK_METRICS: NetworkMetrics = {
  recordPublished: () => {},
  recordPublishDropped: () => {},
  recordReceived: () => {},
  recordPeerEvent: () => {},
  recordPendingSkipped: () => {},
};
