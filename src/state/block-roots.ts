import { type BodyTransaction, decodeMiniBlock, decodeRawBody } from '../protocol/mini-block.ts';
import type { Hash } from '../protocol/primitives.ts';
import { BLOOM_BYTES, mergeBloom, receiptTotals } from '../protocol/receipt.ts';
import { splitWitness, witnessDigest } from '../protocol/sequencer-messages.ts';
import { decodeStateDiff } from '../protocol/state-diff.ts';
import { encodeWitness, type WitnessKey } from '../protocol/witness.ts';
import type { Bytes } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { ArenaStateTrie } from './arena/arena-state-trie.ts';
import { indexTrieKey } from './index-trie.ts';
import { fillTrie } from './state-root.ts';
import { type TableHandle, TableReader } from './table/table-reader.ts';
import { Trie } from './trie.ts';
import { DEFAULT_HISTORY, TrieHistory, type TrieHistoryOptions } from './trie-history.ts';

/** A mini-block as the thread takes it: the compact diff can be read only beside the flat state. */
export interface CommittedMiniBlock {
  /** The wire form without the kind byte. */
  readonly miniBlockBytes: Bytes;
  /** Canonical bytes of its diff. */
  readonly diffBytes: Bytes;
}

/** What a block's witness needs besides the tries. */
export interface WitnessRequest {
  readonly keys: readonly WitnessKey[];
  readonly codes: readonly Bytes[];
  /** RLP headers, the parent first. */
  readonly headers: readonly Bytes[];
}

/** The computed half of a header. */
export interface SealedRoots {
  readonly stateRoot: Hash;
  readonly transactionsRoot: Hash;
  readonly receiptsRoot: Hash;
  readonly logsBloom: Bytes;
  readonly gasUsed: bigint;
}

/** The encoded witness of a block, and what its seal and its chunks say of it. */
export interface SealedWitness {
  readonly witness: Bytes;
  readonly chunkHashes: readonly Hash[];
  readonly witnessDigest: Hash;
}

/**
 * Builds the roots of the open block from its mini-blocks as they are committed, so that sealing costs only the hashes
 * of what the last ones changed (PROTOCOL section 5). Runs in a worker thread in production.
 */
export class BlockRoots {
  readonly #state = new ArenaStateTrie({ keepsViews: true });
  /** Of the newest sealed blocks. */
  readonly history: TrieHistory;
  #transactions = Trie.empty();
  #receipts = Trie.empty();
  #bloom: Bytes = new Uint8Array(BLOOM_BYTES);
  #count = 0;
  #gasUsed = 0n;

  constructor(options: TrieHistoryOptions = DEFAULT_HISTORY) {
    this.history = new TrieHistory(this.#state, options);
  }

  /** Adds committed state before the first block. */
  load(diffBytes: Bytes): void {
    this.#state.apply(decodeStateDiff(diffBytes));
  }

  /** The same, the whole state of a table, whose owner must leave it as it is meanwhile. */
  loadTable(handle: TableHandle): void {
    fillTrie(this.#state, TableReader.attach(handle).entries());
  }

  /** Ends loading; says the root of what was loaded. */
  ready(): Hash {
    return this.#startBlock();
  }

  /** Takes in a committed mini-block. */
  append({ miniBlockBytes, diffBytes }: CommittedMiniBlock): void {
    const miniBlock = decodeMiniBlock(miniBlockBytes);
    const body = decodeRawBody(miniBlock.bodyPayload, miniBlock.envelope);
    for (const [position, receipt] of body.receipts.entries()) {
      const key = indexTrieKey(this.#count++);
      this.#transactions.put(key, (body.transactions[position] as BodyTransaction).raw);
      this.#receipts.put(key, receipt);
      const { bloom, cumulativeGasUsed } = receiptTotals(receipt);
      mergeBloom(this.#bloom, bloom);
      this.#gasUsed = cumulativeGasUsed;
    }
    this.#state.apply(decodeStateDiff(diffBytes));
    // Hashed as they grow: at the seal only the last mini-block's share is left.
    this.#transactions.root();
    this.#receipts.root();
    this.#state.root();
  }

  /** Roots of the open block as it stands. */
  roots(): SealedRoots {
    return {
      stateRoot: this.#state.root(),
      transactionsRoot: this.#transactions.root(),
      receiptsRoot: this.#receipts.root(),
      logsBloom: this.#bloom,
      gasUsed: this.#gasUsed,
    };
  }

  /** Builds the witness of the open block, closes it and starts the next one. */
  seal(request: WitnessRequest): SealedWitness {
    const witness = encodeWitness({ ...request, nodes: this.#state.witnessNodes(request.keys) });
    const chunkHashes = splitWitness(witness).map(keccak256);
    this.#startBlock();
    return { witness, chunkHashes, witnessDigest: witnessDigest(chunkHashes) };
  }

  /** Returns the state root that the next block begins with. */
  #startBlock(): Hash {
    this.#transactions = Trie.empty();
    this.#receipts = Trie.empty();
    this.#bloom = new Uint8Array(BLOOM_BYTES);
    this.#count = 0;
    this.#gasUsed = 0n;
    return this.history.endBlock();
  }
}
