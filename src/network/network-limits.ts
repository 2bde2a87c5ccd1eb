import { MAX_GOSSIP_BYTES, WITNESS_CHUNK_BYTES } from '../protocol/limits.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Connections of a node unless the options say otherwise: a sequencer that feeds 100 replicas directly, with room. */
export const DEFAULT_MAX_CONNECTIONS = 150;

/** New connections per second from one host: replicas of one site start together, a flood of dials is refused. */
export const DEFAULT_INBOUND_CONNECTIONS_PER_SECOND = 20;

/** Connections that have not finished the handshake: each costs a key exchange, so a flood is cut early. */
export const MAX_PENDING_INBOUND_CONNECTIONS = 32;

/** Streams that a peer may have open on one connection, over all protocols. */
export const MAX_STREAMS_PER_CONNECTION = 64;

/** Yamux receive window of a stream: one quarter of what libp2p buffers for a paused reader before it aborts. */
export const MAX_STREAM_WINDOW_BYTES = MIB;

/** Unread bytes of a paused stream after which libp2p aborts it: above the window, so that an honest peer never hits it. */
export const MAX_READ_BUFFER_BYTES = 4 * MIB;

/** Largest gossip frame accepted: a full message with its framing and the control messages that ride along. */
export const MAX_GOSSIP_FRAME_BYTES = MAX_GOSSIP_BYTES + MIB;

/** Gossip waiting for one peer: two of the largest messages. A slower peer is disconnected and resyncs by range. */
export const MAX_GOSSIP_BACKLOG_PER_PEER_BYTES = 8 * MIB;

/** Gossip handed over by the core and not yet taken by the network thread; beyond it messages are dropped. */
export const MAX_PUBLISH_BACKLOG_BYTES = 64 * MIB;

/** Received messages waiting for their verdict, all peers together; beyond it messages are ignored. */
export const MAX_VALIDATION_BACKLOG_BYTES = 64 * MIB;

/** The share of one peer in that backlog, so that no single peer can fill it. */
export const MAX_VALIDATION_BACKLOG_PER_PEER_BYTES = 16 * MIB;

/** The same by count: a thousand small messages hold up the others' by a fraction of a second, 16 MiB of them by many. */
export const MAX_VALIDATION_BACKLOG_PER_PEER = 2_048;

/**
 * Gossip of one peer per second, and how much it may save up, bytes: ten times what the chain makes under full load. What
 * is above is dropped unseen.
 */
export const GOSSIP_BYTES_PER_SECOND = 16 * MIB;
export const GOSSIP_BURST_BYTES = 128 * MIB;

/**
 * Ignored messages of one peer per second, and how many it may save up. Honest ones send them to a node that catches up,
 * 1,000 a second at the shortest interval; above it somebody keeps this node busy with what costs him nothing.
 */
export const USELESS_GOSSIP_PER_SECOND = 2_000;
export const USELESS_GOSSIP_BURST = 4_000;

/** Refused requests of one peer per second, and how many it may save up: honest ones slow down when they are refused. */
export const REFUSED_REQUESTS_PER_SECOND = 50;
export const REFUSED_REQUEST_BURST = 500;

/** A flood is an offence once in so many ms: it is over in five of them, and a burst alone does not ban. */
export const FLOOD_OFFENCE_INTERVAL_MS = 1_000;

/** Failures in a row are forgotten this long after the last one, ms: by then the link may be another. */
export const FAILURE_MEMORY_MS = 120_000;

/** Peers whose floods or failures are remembered, also after they left; the oldest makes room. */
export const MAX_TRACKED_PEERS = 1_024;

/** Offences after which a peer is disconnected and banned; gossip's own score graylists at the same count. */
export const OFFENCES_BEFORE_BAN = 5;

/** How long a banned peer stays out, ms: long enough to make abuse useless, short enough to recover from a bad release. */
export const BAN_MS = 60_000;

/** Offences are forgotten this long after the last one, ms. */
export const OFFENCE_MEMORY_MS = 600_000;

/** Peers whose offences are remembered; the oldest entry makes room. Peer ids are free, so this must be bounded. */
export const MAX_TRACKED_OFFENDERS = 10_000;

/** First wait before a bootstrap peer is dialled again, ms. */
export const DIAL_BACKOFF_MIN_MS = 100;

/** Longest wait, ms: with jitter still below a second, so that a node that starts late is found within one. */
export const DIAL_BACKOFF_MAX_MS = 800;

/** Addresses that are kept connected: bootstrap peers, of which there are 32 at most, and those that an operator adds. */
export const MAX_KEPT_ADDRESSES = 64;

/** Time for one dial with its handshake, ms. */
export const DIAL_TIMEOUT_MS = 5_000;

/** Time to open a stream and agree on its protocol, ms. */
export const OPEN_STREAM_TIMEOUT_MS = 3_000;

/** Silence on a stream in the middle of a request after which it is aborted, ms. */
export const STREAM_IDLE_TIMEOUT_MS = 5_000;

/** Time within which a peer must tell its head, ms. */
export const HEAD_TIMEOUT_MS = 2_000;

/**
 * Slowest answer that is waited for: bytes a second over the whole of it, once so many ms were spent waiting. Slower is
 * no link but a peer that holds up the asker, who asks one peer at a time.
 */
export const MIN_ANSWER_BYTES_PER_SECOND = 16 * KIB;
export const ANSWER_GRACE_MS = 10_000;

/** Requests per second that a peer may make over streams, and how many it may save up. */
export const REQUESTS_PER_SECOND = 50;
export const REQUEST_BURST = 100;

/** Requests of one kind that a peer may have running at a time. */
export const MAX_CONCURRENT_REQUESTS = 4;

/** Mini-blocks in one range answer: ten seconds of chain; the asker comes back for more. */
export const MAX_RANGE_MINI_BLOCKS = 1_000;

/** Bytes in one range answer, bounds the work of a request whatever the records weigh. */
export const MAX_RANGE_BYTES = 64 * MIB;

/** Records are packed into writes of about this size: encryption and framing have a fixed cost per write. */
export const RANGE_WRITE_BYTES = 64 * KIB;

/** Largest log record in a range answer: a mini-block that fits in a gossip message. */
export const MAX_RECORD_BYTES = MAX_GOSSIP_BYTES + 64 * KIB;

/** Largest frame of a witness answer. */
export const MAX_WITNESS_FRAME_BYTES = WITNESS_CHUNK_BYTES;

/**
 * Bytes per second that a peer may be sent in answers, and how many it may save up: a replica that joins is done with a
 * GB in half a minute, and takes a part of a link and of a disk only.
 */
export const ANSWER_BYTES_PER_SECOND = 32 * MIB;
export const ANSWER_BURST_BYTES = 64 * MIB;

/** The same for all peers together: what a sequencer sends besides its clock's work, however many replicas join. */
export const TOTAL_ANSWER_BYTES_PER_SECOND = 64 * MIB;
export const TOTAL_ANSWER_BURST_BYTES = 128 * MIB;

/** Snapshots that a peer may offer: those that a node keeps, with room. */
export const MAX_SNAPSHOT_OFFERS = 4;

/** Attestations of a block, behind its seal or with an offer: more than provers of a chain, each about 360 bytes. */
export const MAX_BLOCK_ATTESTATIONS = 128;
export const MAX_OFFER_FRAME_BYTES = 64 * KIB;

/** Largest frame of a manifest or chunk. */
export const MAX_SNAPSHOT_FRAME_BYTES = 256 * KIB;

/** Requests of a replica on their way to the sequencer, count and bytes; beyond it callers are told to come back. */
export const MAX_LINK_REQUESTS = 8_192;
export const MAX_LINK_REQUEST_BYTES = 32 * MIB;

/** Time for the sequencer to answer a forwarded request, ms. */
export const LINK_REQUEST_TIMEOUT_MS = 10_000;

/** Requests of one replica that the sequencer works on at a time; it reads no further until some are answered. */
export const MAX_SERVED_LINK_REQUESTS = 1_024;

/** Answers waiting for a replica that reads slowly; no further request is read above it. */
export const MAX_LINK_ANSWER_BACKLOG_BYTES = MIB;

/**
 * Pages and counts of the pool per second that replicas together may ask for: each is a walk over the pool, a millisecond of
 * the core thread for 50,000 transactions.
 */
export const POOL_LISTINGS_PER_SECOND = 50;
/** A listing of 16 MiB of transactions is 128 pages. */
export const POOL_LISTING_BURST = 256;

/**
 * Bytes on their way to one replica above which it is shown no further new transaction: what it asked for is behind them,
 * so it is a small part of {@link MAX_LINK_ANSWER_BACKLOG_BYTES}.
 */
export const MAX_PENDING_PUSH_BACKLOG_BYTES = 256 * KIB;

/**
 * New transactions shown to all replicas together, bytes per second and saved up: 20 replicas that watch 5,000 transactions
 * a second. Mini-blocks share the sequencer's link, and matter more.
 */
export const PENDING_PUSH_BYTES_PER_SECOND = 16 * MIB;
/** Also lets the largest transaction go to every connection at once. */
export const PENDING_PUSH_BURST_BYTES = 64 * MIB;

/** New transactions that the other thread has not taken yet, bytes: two seconds of a busy pool. */
export const MAX_PENDING_HANDOVER_BYTES = 2 * MIB;

/** Pause before the link is opened again on a connection where it was lost, ms: the sequencer may have refused it. */
export const LINK_RETRY_MS = 250;

/** Time for the host to close its connections before its thread is terminated, ms. */
export const HOST_STOP_TIMEOUT_MS = 5_000;
