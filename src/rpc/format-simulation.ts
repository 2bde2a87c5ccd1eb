import { formatHeaderView } from '../protocol/header-json.ts';
import type { SimulatedBlock, SimulatedCall } from '../protocol/ports/simulation.ts';
import type { SimulatedTransaction } from '../protocol/simulated-transaction.ts';
import { effectiveGasPrice } from '../protocol/transaction.ts';
import { formatAccessList, formatAuthorizations } from '../protocol/transaction-json.ts';
import { toHex } from '../util/bytes.ts';
import { invariant } from '../util/errors.ts';
import { quantity } from '../util/quantity.ts';
import { formatWithdrawal } from './format-block.ts';

type Json = Readonly<Record<string, unknown>>;

/** The codes of a call that failed: those of the OpenRPC document. */
const REVERTED = 3;
const VM_ERROR = -32_015;

/** The answer to eth_simulateV1. */
export function simulationJson(blocks: readonly SimulatedBlock[], full: boolean): string {
  return JSON.stringify(blocks.map((block) => formatSimulatedBlock(block, full)));
}

/** A simulated block as a block object, with what became of each call. */
function formatSimulatedBlock(block: SimulatedBlock, full: boolean): Json {
  const { header, hash, sizeBytes, transactions, withdrawals } = block;
  return {
    ...formatHeaderView(header, hash),
    size: quantity(sizeBytes),
    transactions: full
      ? transactions.map((transaction, index) => formatTransaction(transaction, index, block))
      : transactions.map((transaction) => toHex(transaction.hash)),
    uncles: [],
    withdrawals: withdrawals.map(formatWithdrawal),
    calls: formatCalls(block),
  };
}

function formatCalls(block: SimulatedBlock): Json[] {
  return block.calls.map((call, index) => ({
    returnData: call.kind === 'success' ? toHex(call.output) : '0x',
    logs: formatLogs(block, call, index),
    gasUsed: quantity(call.gasUsed),
    maxUsedGas: quantity(call.maxGasUsed),
    status: call.kind === 'success' ? '0x1' : '0x0',
    ...(call.kind !== 'success' && { error: formatError(call) }),
  }));
}

function formatError({ kind, message, output }: SimulatedCall): Json {
  return kind === 'reverted' ? { message, code: REVERTED, data: toHex(output) } : { message, code: VM_ERROR };
}

function formatLogs({ header, hash, transactions }: SimulatedBlock, { logs }: SimulatedCall, index: number): Json[] {
  const transaction = transactions[index];
  invariant(transaction !== undefined, 'each call has its transaction');
  return logs.map((log) => ({
    address: toHex(log.address),
    topics: log.topics.map(toHex),
    data: toHex(log.data),
    blockNumber: quantity(header.number),
    transactionHash: toHex(transaction.hash),
    transactionIndex: quantity(index),
    blockHash: toHex(hash),
    blockTimestamp: quantity(header.timestamp),
    logIndex: quantity(log.index),
    removed: false,
  }));
}

/** A transaction object whose signature is all zeros. */
function formatTransaction(transaction: SimulatedTransaction, index: number, { header, hash }: SimulatedBlock): Json {
  const { type, sender, to, nonce, value, gasLimit, data } = transaction;
  return {
    blockHash: toHex(hash),
    blockNumber: quantity(header.number),
    blockTimestamp: quantity(header.timestamp),
    transactionIndex: quantity(index),
    hash: toHex(transaction.hash),
    type: quantity(type),
    from: toHex(sender),
    to: to === undefined ? null : toHex(to),
    nonce: quantity(nonce),
    value: quantity(value),
    gas: quantity(gasLimit),
    gasPrice: quantity(effectiveGasPrice(transaction, header.baseFeePerGas)),
    input: toHex(data),
    ...typedFields(transaction),
    ...{ v: '0x0', r: '0x0', s: '0x0' },
  };
}

/** What the type of the transaction adds (EIP-2930, 1559, 4844, 7702). */
function typedFields(transaction: SimulatedTransaction): Json {
  const { type, chainId, accessList, maxFeePerGas, maxPriorityFeePerGas } = transaction;
  if (type === 0) return {};
  const typed = { chainId: quantity(chainId), accessList: formatAccessList(accessList), yParity: '0x0' };
  if (type === 1) return typed;
  const fees = { maxFeePerGas: quantity(maxFeePerGas), maxPriorityFeePerGas: quantity(maxPriorityFeePerGas) };
  if (type === 4) return { ...typed, ...fees, authorizationList: formatAuthorizations(transaction.authorizationList) };
  return type === 2 ? { ...typed, ...fees } : { ...typed, ...fees, ...blobFields(transaction) };
}

function blobFields({ maxFeePerBlobGas, blobVersionedHashes }: SimulatedTransaction): Json {
  return { maxFeePerBlobGas: quantity(maxFeePerBlobGas), blobVersionedHashes: blobVersionedHashes.map(toHex) };
}
