import type { Attestation } from '../../src/protocol/attestation.ts';
import { type BlockHeader, hashHeader } from '../../src/protocol/block-header.ts';
import type { Block, IndexedTransaction } from '../../src/protocol/ports/chain.ts';
import { type Account, type Address, type Hash, ZERO_HASH } from '../../src/protocol/primitives.ts';
import type { Log } from '../../src/protocol/receipt.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import type { SlotDiff } from '../../src/protocol/state-diff.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { FlatState } from '../../src/state/flat-state.ts';
import { type Bytes, bytesEqual, fromKey, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';

export interface FakeContract {
  readonly address: Address;
  readonly code: Bytes;
  readonly slots: readonly SlotDiff[];
}

/** A state of the accounts, of which one, the contract, has code and storage. */
export function stateOf(accounts: ReadonlyMap<string, Account>, contract: FakeContract): FlatState {
  const entries = [...accounts].map(([key, account]) => ({
    address: fromKey(key),
    account,
    slots: key === toKey(contract.address) ? contract.slots : [],
  }));
  return FlatState.from(entries, [contract.code]);
}

export function createBlock(
  header: BlockHeader,
  transactions: readonly IndexedTransaction[],
  first: number,
  last: number,
): Block {
  return { header, hash: hashHeader(header), transactions, sizeBytes: 600, firstMiniBlock: first, lastMiniBlock: last };
}

/** One log of the logger for a transaction to it, with the words of the data as topics. */
export function logsOf({ to, data }: Transaction, logger: Address): Log[] {
  if (to === undefined || !bytesEqual(to, logger)) return [];
  const topics: Hash[] = [];
  for (let at = 0; at + 32 <= data.length; at += 32) topics.push(data.subarray(at, at + 32));
  return [{ address: logger, topics, data: Uint8Array.of(7) }];
}

export function createdAddress(sender: Address, nonce: bigint): Address {
  return keccak256(encodeRlp([sender, fromNumber(nonce)])).slice(12);
}

export function fakeAttestation(): Attestation {
  return {
    proofType: 1,
    blockNumber: 1,
    blockHash: ZERO_HASH,
    preStateRoot: ZERO_HASH,
    postStateRoot: ZERO_HASH,
    stateDiffDigest: ZERO_HASH,
    receiptsRoot: ZERO_HASH,
    lastMiniBlockDigest: ZERO_HASH,
    success: true,
    signature: new Uint8Array(65),
  };
}
