import type { Attestation } from '../../src/protocol/attestation.ts';
import { type BlockHeader, hashHeader } from '../../src/protocol/block-header.ts';
import type { Block, IndexedTransaction } from '../../src/protocol/ports/chain.ts';
import { type Account, type Address, ZERO_HASH } from '../../src/protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import type { SlotDiff } from '../../src/protocol/state-diff.ts';
import { FlatState } from '../../src/state/flat-state.ts';
import { type Bytes, fromKey, toKey } from '../../src/util/bytes.ts';
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
