import { createdContractAddress } from '../protocol/contract-address.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { decodeReceipt, logsBloom, type Receipt } from '../protocol/receipt.ts';
import { encodeRlp, fromNumber } from '../protocol/rlp.ts';
import { decodeTransaction, effectiveGasPrice, type Transaction } from '../protocol/transaction.ts';
import { type Bytes, bytesEqual, toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';
import type { AttestedHeaders, NodeRequest } from './attested-headers.ts';
import type { HashedHeader } from './block-header-json.ts';
import { asCount, asData, asNodes, asObject, type JsonObject } from './json-fields.ts';
import { provenValue } from './merkle-proof.ts';
import { recoverSigner } from './recover-signer.ts';
import { checking, verificationFailed } from './verification-error.ts';

/** A transaction with its receipt, proven to be at a place of an attested block. */
export interface ProvenReceipt {
  readonly block: HashedHeader;
  readonly index: number;
  readonly transaction: Transaction;
  readonly sender: Address;
  readonly receipt: Receipt;
  readonly gasUsed: bigint;
}

/**
 * Asks for the proof of a transaction's receipt and checks it.
 * @returns undefined while the transaction is in no attested block, as far as the node says: that nothing is there can not
 * be proven
 * @throws StrobeError VERIFICATION_FAILED, NOT_ATTESTED
 */
export async function proveReceipt(
  hash: Hash,
  headers: AttestedHeaders,
  request: NodeRequest,
): Promise<ProvenReceipt | undefined> {
  const answer = await request('strobe_getReceiptProof', [toHex(hash)]);
  if (answer === null) return undefined;
  const proof = asObject(answer, 'receipt proof');
  const number = asCount(proof['blockNumber'], 'blockNumber');
  let head = await headers.head(request);
  if (number > head.header.number) head = await headers.refresh(request);
  if (number > head.header.number) return undefined;
  const block = await headers.byHash(asData(proof['blockHash'], 'blockHash', 32), request);
  if (block.header.number !== number) {
    throw verificationFailed('block number', `the receipt's block has the number ${block.header.number} and not ${number}`);
  }
  return checkProof(hash, proof, block);
}

function checkProof(hash: Hash, proof: JsonObject, block: HashedHeader): ProvenReceipt {
  const { header } = block;
  const index = asCount(proof['transactionIndex'], 'transactionIndex');
  const itemAt = (field: string, root: Hash, at: number): Bytes => {
    const nodes = asNodes(proof[field], field);
    const value = checking(field === 'transactionProof' ? 'transaction proof' : 'receipt proof', () =>
      provenValue(root, encodeRlp(fromNumber(at)), nodes),
    );
    if (value === undefined) throw verificationFailed('receipt proof', `${field} shows that there is nothing`, { index: at });
    return value;
  };
  const transaction = checking('transaction proof', () =>
    decodeTransaction(itemAt('transactionProof', header.transactionsRoot, index)),
  );
  if (!bytesEqual(transaction.hash, hash)) {
    const meta = { asked: toHex(hash), proven: toHex(transaction.hash) };
    throw verificationFailed('transaction hash', 'another transaction is at that place of the block', meta);
  }
  const receiptAt = (field: string, at: number): Receipt =>
    checking('receipt proof', () => decodeReceipt(itemAt(field, header.receiptsRoot, at)));
  const receipt = receiptAt('receiptProof', index);
  const before = index === 0 ? 0n : receiptAt('previousReceiptProof', index - 1).cumulativeGasUsed;
  const sender = checking('transaction proof', () => recoverSigner(transaction.signingHash, transaction.signature));
  return { block, index, transaction, sender, receipt, gasUsed: receipt.cumulativeGasUsed - before };
}

/**
 * A receipt object as eth_getTransactionReceipt answers it. `logIndex` counts the logs of the receipts before, which one
 * receipt's proof does not show: it is null but in the first receipt of a block.
 */
export function formatReceipt({ block, index, transaction, sender, receipt, gasUsed }: ProvenReceipt): JsonObject {
  const { header } = block;
  const place = {
    blockHash: toHex(block.hash),
    blockNumber: quantity(header.number),
    transactionHash: toHex(transaction.hash),
    transactionIndex: quantity(index),
  };
  const { to } = transaction;
  return {
    ...place,
    from: toHex(sender),
    to: to === undefined ? null : toHex(to),
    contractAddress: to === undefined ? toHex(createdContractAddress(sender, transaction.nonce)) : null,
    type: quantity(receipt.type),
    status: quantity(receipt.status),
    gasUsed: quantity(gasUsed),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    effectiveGasPrice: quantity(effectiveGasPrice(transaction, header.baseFeePerGas)),
    logs: receipt.logs.map(({ address, topics, data }, position) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
      ...place,
      blockTimestamp: quantity(header.timestamp),
      logIndex: index === 0 ? quantity(position) : null,
      removed: false,
    })),
    logsBloom: toHex(logsBloom(receipt.logs)),
  };
}
