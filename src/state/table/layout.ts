/**
 * Where everything lies in a table's memory. Another engine (WebAssembly) or thread may read it by these offsets alone.
 *
 * The memory is little-endian and addressed in 32-bit words; an address is a word number, so that the 2^32 bytes which
 * a memory can have are reached with 30 bits and never wrap. Address 0 is the control block and stands for "none".
 *
 * ```
 * control block   2 pages: scalars, retained numbers, directories of the row segments
 * pages           row segments, index tables, journal segments, code bytes; in the order in which they were needed
 * ```
 *
 * Rows never move. Row r of a kind lies at `directory[r >> SHIFT] + (r & (2^SHIFT - 1)) * ROW_WORDS`.
 *
 * | row | words |
 * |---|---|
 * | account | 0-4 address, 5 newest slot + 1, 6 newest version, 7 its serial, 8 code number, 9 flags, 10-11 nonce, 12-19 balance |
 * | slot | 0 account row, 1 next slot of the account + 1, 2 newest version, 3 its serial, 4-11 key, 12-19 value |
 * | code | 0-7 hash, 8 address of the bytes, 9 length in bytes |
 * | run | 0 accounts, 1 slots at its end |
 * | version | 0 row (bit 31: slot), 1 previous version, 2 its serial, 3 own serial, 4... words 8-19 or 12-19 of the row as they were |
 * | mini-block | 0-1 number, 2 serial, 3-5 accounts, slots, codes before it, 6-13 registry digest before it |
 *
 * The registry's digest goes over the rows in the order of their commits: each run is some accounts and then some slots.
 *
 * Keys and hashes are their bytes in order; nonces, balances and values are little-endian numbers. A code number is the
 * code's row + 1, and 0 is the empty code. Versions and mini-block headers lie in the journal's segments (one page each,
 * word 0: next segment) in the order in which they were made; END_OF_SEGMENT says that the next one follows.
 *
 * A serial numbers an application of a mini-block; it is not used again after a rollback. It wraps, skipping 0 ("none"):
 * only the age of a serial, `(head - serial) mod 2^32`, means something.
 *
 * An index table has 2^n entries of two words, the key's hash and row + 1 (0: free, -1: deleted from the old table). A
 * key's place is its hash modulo the size, or the next free one. While a table is replaced by a larger one, entries of
 * the old one below the cursor are in both, those above it in the old one only.
 *
 * History: 1, the first layout; 2, with the count of rollbacks; 3, with four retained numbers more.
 */
export const LAYOUT_VERSION = 3;
/** "STBL". */
export const LAYOUT_MAGIC = 0x5354424c;

/** WebAssembly's page. */
export const PAGE_BYTES = 65_536;
export const PAGE_WORDS: number = PAGE_BYTES / 4;
/** What an address space of 32 bits holds. */
export const MAX_MEMORY_PAGES = 65_536;
export const CONTROL_PAGES = 2;

/** Scalars of the control block. Numbers of mini-blocks take two words, low first, and are signed. */
export const CONTROL_MAGIC = 0;
export const CONTROL_VERSION = 1;
/** Odd while the owner writes. */
export const CONTROL_SEQUENCE = 2;
/** Length of the memory: a thread whose view of it is shorter makes a new one. */
export const CONTROL_MEMORY_PAGES = 3;
/** Two words: the secret key of the indexes' hash. */
export const CONTROL_SEED = 4;
export const CONTROL_NUMBER = 6;
export const CONTROL_FLOOR = 8;
export const CONTROL_HEAD_SERIAL = 10;
export const CONTROL_FLOOR_SERIAL = 11;
/** How often mini-blocks were undone: a reader that knows of fewer rollbacks may hold on to a moment that is undone. */
export const CONTROL_ROLLBACKS = 12;

/** What a retained number is: 0 serial (0: not in use), 1-2 number, 3-5 accounts, slots, codes, 6-13 digest. */
export const CONTROL_RETAINED = 64;
export const RETAINED_WORDS = 16;
/**
 * A replica has two blocks compared with their seals, one on its way into the state trie and one into the history at a
 * time, of each both ends; and a snapshot is written. Some to spare; up to the directories there is room for no more.
 */
export const MAX_RETAINED = 12;

/** Words of an index's state: address and log2 size of the table, the same of the old one (0: none), migration cursor. */
export interface IndexLayout {
  readonly control: number;
}

export interface RowLayout {
  /** Word of the control block that counts the rows. */
  readonly count: number;
  readonly directory: number;
  readonly maxSegments: number;
  readonly rowWords: number;
  /** log2 of the rows of a segment, whose size is a whole number of pages. */
  readonly shift: number;
}

export interface KeyedRowLayout extends RowLayout {
  readonly index: IndexLayout;
}

/** 10 pages a segment; as many segments as 4 GiB hold. */
const KEY_SEGMENTS = 6_656;
/** 12 pages a segment; as many rows as 4 GiB hold with their index. */
const CODE_SEGMENTS = 3_072;
/** 1 page a segment; each run has an account and a slot at least. */
const RUN_SEGMENTS = 3_328;
const DIRECTORIES = 256;

export const ACCOUNT_LAYOUT: KeyedRowLayout = {
  count: 24,
  directory: DIRECTORIES,
  maxSegments: KEY_SEGMENTS,
  rowWords: 20,
  shift: 13,
  index: { control: 32 },
};
export const SLOT_LAYOUT: KeyedRowLayout = {
  count: 25,
  directory: DIRECTORIES + KEY_SEGMENTS,
  maxSegments: KEY_SEGMENTS,
  rowWords: 20,
  shift: 13,
  index: { control: 40 },
};
export const CODE_LAYOUT: KeyedRowLayout = {
  count: 26,
  directory: DIRECTORIES + 2 * KEY_SEGMENTS,
  maxSegments: CODE_SEGMENTS,
  rowWords: 12,
  shift: 14,
  index: { control: 48 },
};

export const RUN_LAYOUT: RowLayout = {
  count: 27,
  directory: DIRECTORIES + 2 * KEY_SEGMENTS + CODE_SEGMENTS,
  maxSegments: RUN_SEGMENTS,
  rowWords: 2,
  shift: 13,
};

/** Words of an account row. */
export const ACCOUNT_FIRST_SLOT = 5;
export const ACCOUNT_VERSION = 6;
/** Where the body begins, which versions keep; {@link BODY_CODE} and the others count from there. */
export const ACCOUNT_BODY = 8;
export const ACCOUNT_BODY_WORDS = 12;
export const BODY_CODE = 0;
export const BODY_FLAGS = 1;
export const BODY_NONCE = 2;
export const BODY_BALANCE = 4;
/** Flag of an account that exists. */
export const FLAG_EXISTS = 1;

/** Words of a slot row. */
export const SLOT_ACCOUNT = 0;
export const SLOT_NEXT = 1;
export const SLOT_VERSION = 2;
export const SLOT_KEY = 4;
export const SLOT_VALUE = 12;

export const ADDRESS_WORDS = 5;
/** Words of a key, a value or a hash. */
export const WORD_WORDS = 8;

/** Words of a code row. */
export const CODE_ADDRESS = 8;
export const CODE_LENGTH = 9;

/** Words of a version. */
export const VERSION_ROW = 0;
export const VERSION_PREVIOUS = 1;
export const VERSION_PREVIOUS_SERIAL = 2;
export const VERSION_SERIAL = 3;
export const VERSION_BODY = 4;
/** Marks the row of a slot in {@link VERSION_ROW}. */
export const VERSION_OF_SLOT: number = 1 << 31;
/** No row has this number: 4 GiB do not hold as many. */
export const END_OF_SEGMENT = -1;
