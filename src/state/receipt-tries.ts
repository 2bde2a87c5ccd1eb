import type { ReceiptProof } from '../protocol/ports/proofs.ts';
import type { Hash } from '../protocol/primitives.ts';
import { type Bytes, toKey } from '../util/bytes.ts';
import { indexTrie, indexTrieKey } from './index-trie.ts';
import type { Trie } from './trie.ts';

/** Contents of a sealed block, in order. */
export interface BlockItems {
  readonly blockHash: Hash;
  /** As signed. */
  readonly transactions: readonly Bytes[];
  /** Consensus encoding (EIP-2718). */
  readonly receipts: readonly Bytes[];
}

export interface ReceiptRequest {
  readonly blockHash: Hash;
  readonly index: number;
}

interface BlockTries {
  readonly transactions: Trie;
  readonly receipts: Trie;
}

/** Blocks whose tries stay in memory: a full one takes some 10 MB, and who asks for a receipt asks for its neighbours. */
const MAX_BLOCKS = 4;

/** Transaction and receipt tries of blocks, built when they are asked for. Runs in a worker thread in production. */
export class ReceiptTries {
  /** By block hash, the least lately used first. */
  readonly #blocks = new Map<string, BlockTries>();

  build({ blockHash, transactions, receipts }: BlockItems): void {
    this.#blocks.set(toKey(blockHash), { transactions: indexTrie(transactions), receipts: indexTrie(receipts) });
    for (const oldest of this.#blocks.keys()) {
      if (this.#blocks.size <= MAX_BLOCKS) return;
      this.#blocks.delete(oldest);
    }
  }

  /** Undefined: that block has to be built first. */
  prove({ blockHash, index }: ReceiptRequest): ReceiptProof | undefined {
    const name = toKey(blockHash);
    const tries = this.#blocks.get(name);
    if (tries === undefined) return undefined;
    this.#blocks.delete(name);
    this.#blocks.set(name, tries);
    const key = indexTrieKey(index);
    return {
      transactionProof: tries.transactions.prove(key),
      receiptProof: tries.receipts.prove(key),
      previousReceiptProof: index === 0 ? [] : tries.receipts.prove(indexTrieKey(index - 1)),
    };
  }
}
