/** What a block, or the part of it that there is, took of what is bounded or grows; counted as its mini-blocks were applied. */
export interface BlockResources {
  readonly blockNumber: number;
  readonly miniBlocks: number;
  readonly transactions: number;
  readonly gasUsed: bigint;
  /** Raw bytes of the transactions. */
  readonly transactionBytes: number;
  /** State diffs of the mini-blocks as they travel. */
  readonly diffBytes: number;
  /** Accounts and storage keys in the diffs of the mini-blocks: once for each mini-block that wrote them. */
  readonly accountsWritten: number;
  readonly slotsWritten: number;
  /** Those of them that were never written before: by so much the state has grown. */
  readonly newAccounts: number;
  readonly newSlots: number;
}

/** Plain data. */
export interface ResourceUsage {
  readonly openBlock: BlockResources | undefined;
  /** The newest sealed block; undefined when it was sealed before this node started. */
  readonly sealedBlock: BlockResources | undefined;
  /** Accounts and storage keys that were ever written: each has a row of the state for good. */
  readonly accounts: number;
  readonly slots: number;
}

/** What JSON-RPC tells of resources, the same on a sequencer and on a replica. */
export interface ResourceReader {
  /** The pool's cap on one transaction's gas. */
  readonly maxTransactionGas: bigint;
  read(): Promise<ResourceUsage>;
}
