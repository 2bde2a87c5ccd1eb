import type { BlockEnvironment } from '../protocol/block-header.ts';
import { createdContractAddress } from '../protocol/contract-address.ts';
import type { MiniBlockBody } from '../protocol/mini-block.ts';
import type { IndexedTransaction } from '../protocol/ports/chain.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Receipt, receiptTotals } from '../protocol/receipt.ts';
import { decodeTransaction, type Transaction } from '../protocol/transaction.ts';
import type { Bytes } from '../util/bytes.ts';

/** Where a mini-block starts in its block. */
export interface BlockPosition {
  readonly transactionIndex: number;
  /** Gas used in the block before it. */
  readonly gasUsed: bigint;
  /** Logs in the block before it. */
  readonly logIndex: number;
}

export const BLOCK_START: BlockPosition = { transactionIndex: 0, gasUsed: 0n, logIndex: 0 };

/** One object per transaction for its whole life in memory: only the block hash comes later, with the seal. */
export class ChainTransaction implements IndexedTransaction {
  readonly transaction: Transaction;
  readonly sender: Address;
  readonly receipt: Receipt;
  readonly miniBlockNumber: number;
  readonly blockNumber: number;
  blockHash: Hash | undefined;
  readonly blockTimestamp: number;
  readonly baseFeePerGas: bigint;
  readonly transactionIndex: number;
  readonly gasUsed: bigint;
  readonly firstLogIndex: number;
  readonly contractAddress: Address | undefined;

  constructor(
    facts: { transaction: Transaction; sender: Address; receipt: Receipt },
    place: { env: BlockEnvironment; miniBlockNumber: number; blockHash: Hash | undefined },
    start: BlockPosition,
  ) {
    const { transaction, sender, receipt } = facts;
    this.transaction = transaction;
    this.sender = sender;
    this.receipt = receipt;
    this.miniBlockNumber = place.miniBlockNumber;
    this.blockNumber = place.env.number;
    this.blockHash = place.blockHash;
    this.blockTimestamp = place.env.timestamp;
    this.baseFeePerGas = place.env.baseFeePerGas;
    this.transactionIndex = start.transactionIndex;
    this.gasUsed = receipt.cumulativeGasUsed - start.gasUsed;
    this.firstLogIndex = start.logIndex;
    this.contractAddress = transaction.to === undefined ? createdContractAddress(sender, transaction.nonce) : undefined;
  }
}

/** The transactions of a mini-block at their places. `decoded` saves decoding them. */
export function indexTransactions(
  body: MiniBlockBody,
  decoded: readonly Transaction[] | undefined,
  place: { env: BlockEnvironment; miniBlockNumber: number; blockHash: Hash | undefined },
  start: BlockPosition,
): { transactions: ChainTransaction[]; end: BlockPosition } {
  let end = start;
  const transactions = body.transactions.map(({ raw, sender }, i) => {
    const receipt = body.receipts[i] as Receipt;
    const transaction = decoded?.[i] ?? decodeTransaction(raw);
    const indexed = new ChainTransaction({ transaction, sender, receipt }, place, end);
    end = {
      transactionIndex: end.transactionIndex + 1,
      gasUsed: receipt.cumulativeGasUsed,
      logIndex: end.logIndex + receipt.logs.length,
    };
    return indexed;
  });
  return { transactions, end };
}

/** Where each transaction of a mini-block starts in its block. */
export function positionsIn(receipts: readonly Bytes[], start: BlockPosition): BlockPosition[] {
  let next = start;
  return receipts.map((receipt) => {
    const position = next;
    const { cumulativeGasUsed, logCount } = receiptTotals(receipt);
    next = {
      transactionIndex: position.transactionIndex + 1,
      gasUsed: cumulativeGasUsed,
      logIndex: position.logIndex + logCount,
    };
    return position;
  });
}
