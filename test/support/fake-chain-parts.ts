import type { Attestation } from '../../src/protocol/attestation.ts';
import { type BlockEnvironment, type BlockHeader, hashHeader, prevRandaoOf } from '../../src/protocol/block-header.ts';
import type { Block, IndexedLog, IndexedTransaction, LogFilter, LogPage, ReceiptProver } from '../../src/protocol/ports/chain.ts';
import {
  type Account,
  type Address,
  EMPTY_TRIE_ROOT,
  type Hash,
  ZERO_ADDRESS,
  ZERO_HASH,
} from '../../src/protocol/primitives.ts';
import { type Log, logsBloom } from '../../src/protocol/receipt.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import type { SlotDiff } from '../../src/protocol/state-diff.ts';
import type { Transaction } from '../../src/protocol/transaction.ts';
import { BlockReceiptProver } from '../../src/state/block-receipt-prover.ts';
import { createInlineReceiptTries } from '../../src/state/receipt-tries-host.ts';
import { type Bytes, bytesEqual, fromKey, toKey } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import type { MapState } from './map-state.ts';
import { mapStateOf } from './map-state-of.ts';

export interface FakeContract {
  readonly address: Address;
  readonly code: Bytes;
  readonly slots: readonly SlotDiff[];
}

/** A state of the accounts, of which one, the contract, has code and storage. */
export function stateOf(accounts: ReadonlyMap<string, Account>, contract: FakeContract): MapState {
  const entries = [...accounts].map(([key, account]) => ({
    address: fromKey(key),
    account,
    slots: key === toKey(contract.address) ? contract.slots : [],
  }));
  return mapStateOf(entries, [contract.code]);
}

export function createBlock(
  header: BlockHeader,
  transactions: readonly IndexedTransaction[],
  first: number,
  last: number,
): Block {
  return { header, hash: hashHeader(header), transactions, sizeBytes: 600, firstMiniBlock: first, lastMiniBlock: last };
}

/** Logs of a block's transactions so far. */
export function nextLogIndex(transactions: readonly IndexedTransaction[]): number {
  const last = transactions.at(-1);
  return last === undefined ? 0 : last.firstLogIndex + last.receipt.logs.length;
}

/** One log of the logger for a transaction to it, with the words of the data as topics. */
export function logsOf({ to, data }: Transaction, logger: Address): Log[] {
  if (to === undefined || !bytesEqual(to, logger)) return [];
  const topics: Hash[] = [];
  for (let at = 0; at + 32 <= data.length; at += 32) topics.push(data.subarray(at, at + 32));
  return [{ address: logger, topics, data: Uint8Array.of(7) }];
}

/** Logs of transactions that a filter asks for, found the plain way; blocks below `oldestBlock` are pruned. */
export function logsIn(
  transactions: readonly IndexedTransaction[],
  { fromBlock, toBlock, addresses, topics }: LogFilter,
  oldestBlock: number,
): IndexedLog[] {
  const first = Math.max(fromBlock, 1);
  if (first <= toBlock && first < oldestBlock) {
    throw new StrobeError('HISTORY_PRUNED', 'pruned history unavailable', { oldest: oldestBlock });
  }
  const includes = (list: readonly Uint8Array[], value: Uint8Array | undefined): boolean =>
    value !== undefined && list.some((item) => bytesEqual(item, value));
  return transactions
    .filter(({ blockNumber }) => blockNumber >= fromBlock && blockNumber <= toBlock)
    .flatMap((transaction) => transaction.receipt.logs.map((log, position) => ({ transaction, log, position })))
    .filter(({ log }) => addresses.length === 0 || includes(addresses, log.address))
    .filter(({ log }) => topics.length <= log.topics.length)
    .filter(({ log }) => topics.every((list, at) => list === undefined || list.length === 0 || includes(list, log.topics[at])))
    .map(({ transaction, position }) => ({ transaction, position }));
}

/** Logs that a fake chain gives at once. */
const LOGS_OF_A_PAGE = 2;

/** The next logs of those that a filter asks for. */
export function logPageOf(logs: readonly IndexedLog[], fromBlock: number, firstLogIndex: number): LogPage {
  const placed = logs.map((log) => ({
    log,
    blockNumber: log.transaction.blockNumber,
    logIndex: log.transaction.firstLogIndex + log.position,
  }));
  const left = placed.filter(({ blockNumber, logIndex }) => blockNumber > fromBlock || logIndex >= firstLogIndex);
  return { logs: left.slice(0, LOGS_OF_A_PAGE).map(({ log }) => log), next: left[LOGS_OF_A_PAGE] };
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

/** The real prover of receipts, without its thread. */
export function receiptProver(): ReceiptProver {
  return new BlockReceiptProver(createInlineReceiptTries());
}

export const FAKE_GAS_LIMIT = 30_000_000n;

/** The header of a block; its roots are not real. */
export function fakeHeader(
  env: Pick<BlockEnvironment, 'number' | 'parentHash' | 'timestamp' | 'baseFeePerGas'>,
  transactions: readonly IndexedTransaction[],
  gasUsed: bigint,
): BlockHeader {
  return {
    ...env,
    coinbase: ZERO_ADDRESS,
    stateRoot: EMPTY_TRIE_ROOT,
    transactionsRoot: EMPTY_TRIE_ROOT,
    receiptsRoot: EMPTY_TRIE_ROOT,
    logsBloom: logsBloom(transactions.flatMap(({ receipt }) => receipt.logs)),
    gasLimit: FAKE_GAS_LIMIT,
    gasUsed,
    extraData: new Uint8Array(0),
    prevRandao: prevRandaoOf(env.parentHash, env.number),
  };
}
