/** Largest message that gossip carries, bytes: gossipsub drops silently above 4 MiB; the margin is for its framing. */
export const MAX_GOSSIP_BYTES = 4 * 1024 * 1024 - 64 * 1024;

/**
 * Largest payloads of a mini-block as they travel, bytes; with the envelope they fit in one gossip message. One
 * transaction of 2^24 gas can log 2.1 MB, and {@link MINI_BLOCK_GAS} bounds the diff, so no mini-block outgrows them.
 */
export const MAX_BODY_PAYLOAD_BYTES = 2_700_000;
export const MAX_DIFF_PAYLOAD_BYTES = 1_300_000;

/** Body bytes behind which a mini-block takes no further transaction: one more still fits {@link MAX_BODY_PAYLOAD_BYTES}. */
export const MINI_BLOCK_BODY_BYTES = 400_000;

/** Gas behind which a mini-block takes no further transaction: at 5,000 gas for 66 bytes of diff it stays below 1.1 MB. */
export const MINI_BLOCK_GAS = 60_000_000n;

/**
 * Largest canonical diff or body after decompression, bytes: bounds what a hostile payload can make us allocate. The
 * payload bounds above hold for the uncompressed forms too, so nothing honest comes near.
 */
export const MAX_DECODED_BYTES = 4 * 1024 * 1024;

/**
 * Most RLP items of a signed message outside its payloads (the chunk list of a witness is the longest part): hostile
 * bytes are decoded before any signature is checked, so they must cost little.
 */
export const MAX_MESSAGE_ITEMS = 2_048;

/** Most transactions in a mini-block: numbers in flight stay small however cheap a transaction is. */
export const MAX_MINI_BLOCK_TRANSACTIONS = 20_000;

/** Largest raw transaction, bytes (geth's pool has the same bound: 128 KiB). */
export const MAX_TRANSACTION_BYTES = 128 * 1024;

/** Most transactions in a page of the pool as it travels; together they have as many bytes as one may have. */
export const MAX_POOL_PAGE_ENTRIES = 1_024;

/** Witness chunk size, bytes (PROTOCOL section 9). */
export const WITNESS_CHUNK_BYTES = 256 * 1024;

/** Most chunks of one witness: 256 MiB. The sequencer ends a block before its witness could be larger. */
export const MAX_WITNESS_CHUNKS = 1_024;

/**
 * Bytes of witness behind which a block takes no further transaction, as the sequencer estimates them: less than
 * {@link MAX_WITNESS_CHUNKS} hold by what the upper levels of a large trie take, some 37 MB, and the headers.
 */
export const BLOCK_WITNESS_BYTES = 228_000_000;

/**
 * Bytes of bodies and diffs behind which a block takes no further transaction: its records go into one batch for the data
 * availability layer, which has 256 MiB at most. Envelopes have the rest.
 */
export const BLOCK_RECORD_BYTES = 240_000_000;

/** Gas for a byte of diff, at least: 5,000 less the refunds for 66 bytes. */
export const GAS_PER_DIFF_BYTE = 60;

/** Most bytes that a unit of gas adds to a witness: 2,500 gas touch another account of 24,576 bytes of code. */
export const WITNESS_BYTES_PER_GAS = 11;

/** Longest manifest of a snapshot taken from a peer: 250,000 chunks and tens of thousands of epochs. */
export const MAX_SYNC_MANIFEST_BYTES = 16 * 1024 * 1024;

/** Longest chunk of a snapshot taken from a peer: four times what nodes write. */
export const MAX_SYNC_CHUNK_BYTES = 4 * 1024 * 1024;

/** Largest state taken from a peer, bytes: twice what a state table holds, so a false manifest cannot fill a disk. */
export const MAX_SYNC_STATE_BYTES = 8 * 1024 * 1024 * 1024;

/** How far a mini-block's clock may be ahead of ours, µs (PROTOCOL section 2). */
export const MAX_CLOCK_AHEAD_US = 5_000_000;

/** Silence after which the sequencer sends a heartbeat, ms. */
export const HEARTBEAT_INTERVAL_MS = 100;

/** Silence after which a replica reports the sequencer as stalled, ms (PROTOCOL section 7). */
export const STALL_AFTER_MS = 2_000;

/** Time without transactions after which an empty block is opened, ms (PROTOCOL section 2). */
export const IDLE_BEAT_MS = 5_000;

/** Highest pool cap on a transaction's gas that a genesis may set, 2^24 (EIP-7825; PROTOCOL section 11). */
export const MAX_TRANSACTION_GAS = 16_777_216n;
