import type { Block as LibraryBlock, BlockHeader as LibraryHeader } from '@ethereumjs/block';
import { type Blob4844Tx, isBlob4844Tx, type TypedTransaction } from '@ethereumjs/tx';
import type { TxReceipt } from '@ethereumjs/vm';
import { toLogs } from '../../../src/execution/ethereumjs/result-conversion.ts';
import type { BlockHeader } from '../../../src/protocol/block-header.ts';
import { createdContractAddress } from '../../../src/protocol/contract-address.ts';
import type { HeaderView } from '../../../src/protocol/header-view.ts';
import type { TransactionView } from '../../../src/protocol/ports/block-view.ts';
import type { Block, IndexedTransaction } from '../../../src/protocol/ports/chain.ts';
import { decodeTransaction, type Transaction } from '../../../src/protocol/transaction.ts';
import { bigIntToBytes32, fromHex } from '../../../src/util/bytes.ts';
import { joinSignature } from '../../../src/util/signature.ts';

/** A block of the library as JSON-RPC serves it; `receipts` are those of its transactions, in order. */
export function toBlock(block: LibraryBlock, receipts: readonly TxReceipt[]): Block {
  const header = toHeader(block.header);
  const hash = block.hash();
  const transactions: IndexedTransaction[] = [];
  for (const [index, receipt] of receipts.entries()) {
    const tx = block.transactions[index] as TypedTransaction;
    transactions.push(toIndexed(tx, receipt, { header, hash, library: block.header, before: transactions }));
  }
  return {
    header,
    hash,
    transactions,
    sizeBytes: block.serialize().length,
    firstMiniBlock: header.number,
    lastMiniBlock: header.number,
    view: {
      header: toHeaderView(block.header),
      ommers: block.uncleHeaders.map(toHeaderView),
      withdrawals: block.withdrawals?.map(({ index, validatorIndex, address, amount }) => ({
        ...{ index, validatorIndex },
        address: address.bytes,
        amountGwei: amount,
      })),
    },
  };
}

function toHeader(header: LibraryHeader): BlockHeader {
  return { ...commonFields(header), baseFeePerGas: header.baseFeePerGas ?? 0n };
}

function toHeaderView(header: LibraryHeader): HeaderView {
  const { baseFeePerGas, withdrawalsRoot, blobGasUsed, excessBlobGas, parentBeaconBlockRoot, requestsHash } = header;
  return {
    ...commonFields(header),
    ommersHash: header.uncleHash,
    difficulty: header.difficulty,
    nonce: header.nonce,
    ...(baseFeePerGas !== undefined && { baseFeePerGas }),
    ...(withdrawalsRoot !== undefined && { withdrawalsRoot }),
    ...(blobGasUsed !== undefined && { blobGasUsed }),
    ...(excessBlobGas !== undefined && { excessBlobGas }),
    ...(parentBeaconBlockRoot !== undefined && { parentBeaconBlockRoot }),
    ...(requestsHash !== undefined && { requestsHash }),
  };
}

function commonFields(header: LibraryHeader): Omit<BlockHeader, 'baseFeePerGas'> {
  const { parentHash, stateRoot, logsBloom, gasLimit, gasUsed, extraData } = header;
  return {
    ...{ parentHash, stateRoot, logsBloom, gasLimit, gasUsed, extraData },
    coinbase: header.coinbase.bytes,
    transactionsRoot: header.transactionsTrie,
    receiptsRoot: header.receiptTrie,
    number: Number(header.number),
    timestamp: Number(header.timestamp),
    prevRandao: header.mixHash,
  };
}

interface Place {
  readonly header: BlockHeader;
  readonly hash: Uint8Array;
  readonly library: LibraryHeader;
  /** Transactions before this one. */
  readonly before: readonly IndexedTransaction[];
}

function toIndexed(tx: TypedTransaction, receipt: TxReceipt, { header, hash, library, before }: Place): IndexedTransaction {
  const transaction = toTransaction(tx);
  const sender = tx.getSenderAddress().bytes;
  const previous = before.at(-1);
  return {
    ...{ transaction, sender },
    receipt: {
      type: transaction.type,
      status: 'status' in receipt ? receipt.status : 1,
      cumulativeGasUsed: receipt.cumulativeBlockGasUsed,
      logs: toLogs(receipt.logs),
    },
    miniBlockNumber: header.number,
    blockNumber: header.number,
    blockHash: hash,
    blockTimestamp: header.timestamp,
    baseFeePerGas: header.baseFeePerGas,
    transactionIndex: before.length,
    gasUsed: receipt.cumulativeBlockGasUsed - (previous?.receipt.cumulativeGasUsed ?? 0n),
    firstLogIndex: previous === undefined ? 0 : previous.firstLogIndex + previous.receipt.logs.length,
    contractAddress: transaction.to === undefined ? createdContractAddress(sender, transaction.nonce) : undefined,
    view: viewOf(tx, receipt, library),
  };
}

function viewOf(tx: TypedTransaction, receipt: TxReceipt, header: LibraryHeader): TransactionView {
  if ('stateRoot' in receipt) return { postState: receipt.stateRoot };
  if (!isBlob4844Tx(tx)) return {};
  return {
    blobs: {
      versionedHashes: tx.blobVersionedHashes.map(fromHex),
      maxFeePerBlobGas: tx.maxFeePerBlobGas,
      gasUsed: BigInt(tx.numBlobs()) * tx.common.param('blobGasPerBlob'),
      gasPrice: header.getBlobGasPrice(),
    },
  };
}

/** A transaction of any type; one with blobs comes out as one of type 2. */
export function toTransaction(tx: TypedTransaction): Transaction {
  return isBlob4844Tx(tx) ? withoutBlobs(tx) : decodeTransaction(tx.serialize());
}

function withoutBlobs(tx: Blob4844Tx): Transaction {
  const { nonce, maxFeePerGas, maxPriorityFeePerGas, gasLimit, value, data, r = 0n, s = 0n, v = 0n } = tx;
  return {
    ...{ nonce, maxFeePerGas, maxPriorityFeePerGas, gasLimit, value, data, r, s, v },
    type: 2,
    raw: tx.serialize(),
    hash: tx.hash(),
    chainId: tx.chainId,
    to: tx.to?.bytes,
    accessList: tx.accessList.map(([address, storageKeys]) => ({ address, storageKeys })),
    authorizationList: [],
    yParity: Number(v),
    signingHash: tx.getHashedMessageToSign(),
    signature: joinSignature(bigIntToBytes32(r), bigIntToBytes32(s), Number(v)),
  };
}
