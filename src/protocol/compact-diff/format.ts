/**
 * The compact form of a state diff, version 2 (plain) and 3 (the same under zstd) in the list of payload encodings of
 * payload.ts. In order, numbers as varints:
 *
 * | field | content |
 * |---|---|
 * | position | mini-block number, first 8 bytes of the parent digest, account and slot rows of the state below |
 * | counts | codes, new accounts, new slots, listed accounts, listed slots |
 * | codes | length and bytes of each, by hash; in front, so that they can be read without state |
 * | new accounts | 20 bytes each, ascending; their rows are the next ones |
 * | listed accounts | gap to the row before x 4 + account mode, for rows of the state whose own fields changed |
 * | details | a byte of ROW_ flags for each listed account of mode ACCOUNT_DETAILED, then for each new one |
 * | nonces | zigzag of the difference modulo 2^64, for each detailed account whose flags say so |
 * | code hashes | 32 bytes, likewise |
 * | new slots | gap from account row to account row of each, then lengths and then big-endian bytes of the differences from key to key |
 * | listed slots | gap to the row before |
 * | tags, values | of the balances of listed and of new accounts, of listed slots, of new slots (value-tags.ts) |
 * | post digest | 8 bytes (post-digest.ts) |
 *
 * A gap is the number of rows between. Accounts of which only slots changed are not listed: the slots' rows say whose
 * they are. Block number, index and the count of transactions are not repeated: the signed envelope has them.
 */
export const PAYLOAD_COMPACT = 2;
export const PAYLOAD_COMPACT_ZSTD = 3;

export const PARENT_DIGEST_BYTES = 8;

/** Account modes: the balance changed, and the nonce stayed, or went up by 1, or by 2. */
export const ACCOUNT_SAME_NONCE = 0;
export const ACCOUNT_MAX_STEP = 2;
/** Anything else: flags among the details. */
export const ACCOUNT_DETAILED = 3;
export const ACCOUNT_MODES = 4;

/**
 * Most accounts and slots of a message, listed and new: decoding takes about 200 bytes of memory a key. A mini-block's
 * gas buys 20,000 at most; a diff above this travels in its canonical form.
 */
export const MAX_COMPACT_KEYS = 65_536;

/** Most codes of a message: the cheapest, an EIP-7702 delegation, costs 12,500 gas, so a mini-block has half as many. */
export const MAX_COMPACT_CODES = 16_384;
