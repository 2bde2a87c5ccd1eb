import { canonicalDiffCodec, type DiffCodec } from '../protocol/diff-codec.ts';
import { type BodyTransaction, decodeMiniBlock, decodeRawBody } from '../protocol/mini-block.ts';
import type { Hash } from '../protocol/primitives.ts';
import { BLOOM_BYTES, mergeBloom, receiptTotals } from '../protocol/receipt.ts';
import { splitWitness, witnessDigest } from '../protocol/sequencer-messages.ts';
import { decodeStateDiff, isClearedSlot, type StateDiff } from '../protocol/state-diff.ts';
import { encodeWitness, type WitnessKey } from '../protocol/witness.ts';
import { type Bytes, toKey } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { indexTrieKey } from './index-trie.ts';
import { StateTrie } from './state-trie.ts';
import { Trie } from './trie.ts';
import { collectWitnessNodes } from './trie-witness.ts';

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
  readonly #codec: DiffCodec;
  readonly #state = StateTrie.empty();
  #transactions = Trie.empty();
  #receipts = Trie.empty();
  #bloom: Bytes = new Uint8Array(BLOOM_BYTES);
  #count = 0;
  #gasUsed = 0n;
  /** State before the open block; storage tries only of accounts whose slots it changed or that it deleted. */
  #preAccounts: Trie;
  #preStorage = new Map<string, Trie | undefined>();
  /** Accounts and slots that the open block deleted at any time, by account. */
  #deleted = new Map<string, { account: boolean; slots: Map<string, Hash> }>();

  constructor(codec: DiffCodec = canonicalDiffCodec) {
    this.#codec = codec;
    this.#preAccounts = this.#state.accountsSnapshot();
  }

  /** Adds committed state before the first block: genesis, or what a restart loaded. */
  load(diffBytes: Bytes): void {
    this.#state.apply(decodeStateDiff(diffBytes));
  }

  /** Ends loading; says the root of what was loaded. */
  ready(): Hash {
    const root = this.#state.root();
    this.#startBlock();
    return root;
  }

  /** Takes in a committed mini-block in its wire form (without the kind byte). */
  append(miniBlockBytes: Bytes): void {
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
    this.#applyDiff(this.#codec.decode(miniBlock.diffPayload));
    // Hashed as they grow: at the seal only the last mini-block's share is left.
    this.#transactions.root();
    this.#receipts.root();
    this.#state.root();
  }

  #applyDiff(diff: StateDiff): void {
    for (const account of diff.accounts) {
      const name = toKey(account.address);
      const touchesStorage = account.slots !== undefined || account.deleted === true;
      if (touchesStorage && !this.#preStorage.has(name)) {
        this.#preStorage.set(name, this.#state.storageSnapshot(account.address));
      }
      const cleared = account.slots?.filter(isClearedSlot) ?? [];
      if (account.deleted === undefined && cleared.length === 0) continue;
      const deleted = this.#deleted.get(name) ?? { account: false, slots: new Map<string, Hash>() };
      deleted.account ||= account.deleted === true;
      for (const { key } of cleared) deleted.slots.set(toKey(key), key);
      this.#deleted.set(name, deleted);
    }
    this.#state.apply(diff);
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
    const witness = encodeWitness({ ...request, nodes: this.#witnessNodes(request.keys) });
    const chunkHashes = splitWitness(witness).map(keccak256);
    this.#startBlock();
    return { witness, chunkHashes, witnessDigest: witnessDigest(chunkHashes) };
  }

  /** Nodes of the state before the block that prove and let update every touched key, each once. */
  #witnessNodes(keys: readonly WitnessKey[]): Bytes[] {
    const accountKeys = keys.map((key) => keccak256(key.address));
    const deletedAccounts = keys.filter((key) => this.#deleted.get(toKey(key.address))?.account);
    const nodes = new Map<string, Bytes>();
    const add = (collected: readonly Bytes[]): void => {
      for (const node of collected) nodes.set(toKey(keccak256(node)), node);
    };
    add(
      collectWitnessNodes(
        this.#preAccounts,
        accountKeys,
        deletedAccounts.map((key) => keccak256(key.address)),
      ),
    );
    for (const { address, slots } of keys) {
      const name = toKey(address);
      const storage = this.#preStorage.has(name) ? this.#preStorage.get(name) : this.#state.storageSnapshot(address);
      if (storage === undefined || slots.length === 0) continue;
      const cleared = [...(this.#deleted.get(name)?.slots.values() ?? [])];
      add(collectWitnessNodes(storage, slots.map(keccak256), cleared.map(keccak256)));
    }
    return [...nodes.values()];
  }

  #startBlock(): void {
    this.#transactions = Trie.empty();
    this.#receipts = Trie.empty();
    this.#bloom = new Uint8Array(BLOOM_BYTES);
    this.#count = 0;
    this.#gasUsed = 0n;
    this.#preAccounts = this.#state.accountsSnapshot();
    this.#preStorage = new Map();
    this.#deleted = new Map();
  }
}
