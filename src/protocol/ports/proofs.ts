import type { Bytes } from '../../util/bytes.ts';
import type { BlockHeader } from '../block-header.ts';
import type { Account, Address, Hash } from '../primitives.ts';

/** An account as its leaf in the state trie has it (Yellow Paper, section 4.1). */
export interface ProvenAccount extends Account {
  readonly storageRoot: Hash;
}

export interface SlotProof {
  readonly key: Hash;
  /** 32 bytes, zero when the slot is clear. */
  readonly value: Hash;
  readonly proof: readonly Bytes[];
}

/**
 * An account and slots of it with their Merkle proofs (EIP-1186): RLP of the nodes from the root to the leaf, or to the
 * node that proves absence; embedded nodes are not repeated; empty for an empty trie.
 */
export interface StateProof {
  /** Undefined: the account does not exist, and the proof shows it. */
  readonly account: ProvenAccount | undefined;
  readonly accountProof: readonly Bytes[];
  /** In the order in which they were asked for. */
  readonly slots: readonly SlotProof[];
}

/** The sealed block whose state is proven, as its header has it: proofs lead to the state root. */
export type ProvenBlock = Pick<BlockHeader, 'number' | 'stateRoot'>;

/** Proves the state of sealed blocks. */
export interface StateProver {
  /**
   * @throws StrobeError PROOF_NOT_AVAILABLE when no state with that root is kept (`meta.blocks`: of how many of the newest
   *   blocks it is; `meta.oldest`: from which block on it is), PROOFS_BUSY, PROOF_TIMEOUT when it takes too long to get there: to be asked again
   */
  prove(block: ProvenBlock, address: Address, keys: readonly Hash[]): Promise<StateProof>;
}

/** What proves a receipt against the roots in its block's header; nodes as in {@link StateProof}. */
export interface ReceiptProof {
  /** Of the raw transaction, against transactionsRoot: it says which transaction the receipt is of. */
  readonly transactionProof: readonly Bytes[];
  /** Against receiptsRoot. */
  readonly receiptProof: readonly Bytes[];
  /** Of the receipt before it, from which the gas used follows; empty for the first. */
  readonly previousReceiptProof: readonly Bytes[];
}
