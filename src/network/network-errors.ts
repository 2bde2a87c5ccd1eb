import { StrobeError } from '../util/errors.ts';

/** Codes of this module beside those that the ports name. */
export type NetworkErrorCode =
  | 'GOSSIP_MESSAGE_TOO_LARGE'
  | 'NO_PEER_HAS_RANGE'
  | 'NO_PEER_HAS_WITNESS'
  /** The peer does not have it (any more), which is no fault. */
  | 'NOT_KEPT'
  /** The peer has sent this node as much as it may for now: ask again later. */
  | 'PEER_BUSY'
  | 'SEQUENCER_UNREACHABLE'
  /** Too many requests of this replica are on their way to the sequencer. */
  | 'SEQUENCER_LINK_BUSY'
  | 'NETWORK_KEY_CORRUPT'
  | 'INVALID_MULTIADDR'
  | 'NETWORK_LISTEN_FAILED'
  /** The node is not started, or stopped while the call was under way. */
  | 'NETWORK_STOPPED'
  /** The network thread died; the node cannot go on. */
  | 'NETWORK_THREAD_FAILED'
  | 'STREAM_FAILED'
  | 'STREAM_TIMEOUT'
  /** A peer broke the framing or encoding of a protocol. */
  | 'PROTOCOL_VIOLATION'
  | 'PEER_DROPPED';

export function networkError(
  code: NetworkErrorCode,
  message: string,
  meta: StrobeError['meta'] = {},
  cause?: unknown,
): StrobeError<NetworkErrorCode> {
  return new StrobeError(code, message, meta, cause === undefined ? undefined : { cause });
}

/** The reason given to calls that a regular stop cuts off. */
export function stoppedError(): StrobeError {
  return networkError('NETWORK_STOPPED', 'the network is not running');
}
