import type { SignedTransaction } from '../protocol/ports/execution.ts';
import { decodeTransaction } from '../protocol/transaction.ts';
import type { Bytes } from '../util/bytes.ts';
import { TurnSlice } from '../util/turn-slice.ts';

/** Longest stretch of packing without a turn of the event loop, ms: a full block has a hundred thousand transactions. */
const SLICE_MS = 5;
const LENGTH_BYTES = 4;
const ADDRESS_BYTES = 20;

/** Transactions for another thread, in one piece of memory: each as its length, its raw bytes, and its sender. */
export async function packTransactions(transactions: readonly SignedTransaction[]): Promise<Bytes> {
  const slice = new TurnSlice(SLICE_MS);
  let length = 0;
  for (const { transaction } of transactions) {
    // Some are decoded when they are first looked at.
    length += LENGTH_BYTES + transaction.raw.length + ADDRESS_BYTES;
    const turn = slice.pause();
    if (turn !== undefined) await turn;
  }
  const packed = new Uint8Array(length);
  const view = new DataView(packed.buffer);
  let at = 0;
  for (const { transaction, sender } of transactions) {
    view.setUint32(at, transaction.raw.length);
    packed.set(transaction.raw, at + LENGTH_BYTES);
    packed.set(sender, at + LENGTH_BYTES + transaction.raw.length);
    at += LENGTH_BYTES + transaction.raw.length + ADDRESS_BYTES;
    const turn = slice.pause();
    if (turn !== undefined) await turn;
  }
  return packed;
}

/** What {@link packTransactions} packed. */
export function unpackTransactions(packed: Bytes): SignedTransaction[] {
  const view = new DataView(packed.buffer, packed.byteOffset, packed.length);
  const transactions: SignedTransaction[] = [];
  for (let at = 0; at < packed.length; ) {
    const rawAt = at + LENGTH_BYTES;
    const senderAt = rawAt + view.getUint32(at);
    at = senderAt + ADDRESS_BYTES;
    transactions.push({ transaction: decodeTransaction(packed.slice(rawAt, senderAt)), sender: packed.slice(senderAt, at) });
  }
  return transactions;
}
