import type { AppliedMiniBlock, IndexedTransaction } from '../protocol/ports/chain.ts';
import type { AccountChange } from '../protocol/ports/state-changes.ts';
import { bytesToBigInt, type Hex, toHex } from '../util/bytes.ts';
import { quantity } from '../util/quantity.ts';

// RISE's and MegaETH's words for what a mini-block did. In both, counters are plain numbers and amounts are hex.

type Json = Readonly<Record<string, unknown>>;

const TYPE_NAMES = ['legacy', 'eip2930', 'eip1559', 'eip4844', 'eip7702'] as const;

/** RISE: a mini-block as a shred. `changes` is left out unless the subscriber asked for state changes. */
export function formatShred(applied: AppliedMiniBlock, changes: readonly AccountChange[] = []): Json {
  const { miniBlock, env, transactions, firstLogIndex } = applied;
  return {
    blockTimestamp: quantity(env.timestamp),
    blockNumber: quantity(miniBlock.envelope.blockNumber),
    shredIndex: miniBlock.envelope.index,
    startingLogIndex: firstLogIndex,
    transactions: transactions.map(formatShredTransaction),
    stateChanges: changes.map(formatShredChange),
  };
}

function formatShredTransaction({ transaction, sender, receipt, gasUsed }: IndexedTransaction): Json {
  return {
    hash: toHex(transaction.hash),
    from: toHex(sender),
    to: transaction.to === undefined ? null : toHex(transaction.to),
    value: quantity(transaction.value),
    gas: quantity(transaction.gasLimit),
    type: TYPE_NAMES[transaction.type],
    status: receipt.status === 1 ? 'success' : 'reverted',
    gasUsed: quantity(gasUsed),
    cumulativeGasUsed: quantity(receipt.cumulativeGasUsed),
    logs: receipt.logs.map(({ address, topics, data }) => ({
      address: toHex(address),
      topics: topics.map(toHex),
      data: toHex(data),
    })),
  };
}

function formatShredChange({ address, nonce, balance, slots, code, deleted }: AccountChange): Json {
  return {
    address: toHex(address),
    nonce: Number(nonce),
    balance: quantity(balance),
    storageChanges: slots.map(({ key, value }) => ({ slot: toHex(key), value: toHex(value) })),
    newCode: code === undefined ? null : toHex(code),
    ...(deleted && { deleted }),
  };
}

/** MegaETH: what a mini-block changed in one account. */
export function formatStateChange({ address, nonce, balance, slots, deleted }: AccountChange): Json {
  const storage: Record<Hex, Hex> = {};
  for (const { key, value } of slots) storage[toHex(key)] = quantity(bytesToBigInt(value));
  return { address: toHex(address), nonce: Number(nonce), balance: quantity(balance), storage, ...(deleted && { deleted }) };
}
