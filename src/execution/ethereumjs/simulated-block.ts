import { blobBaseFee, nextExcessBlobGas } from '../../protocol/blob-gas.ts';
import { nextBaseFee } from '../../protocol/block-header.ts';
import { headerViewItems } from '../../protocol/header-view.ts';
import type { Withdrawal } from '../../protocol/ports/block-view.ts';
import type { CallEnvironment } from '../../protocol/ports/execution.ts';
import type { SimulatedBlock, SimulatedCall, SimulatedHeader } from '../../protocol/ports/simulation.ts';
import { EMPTY_LIST_HASH, EMPTY_REQUESTS_HASH, type Hash, ZERO_HASH } from '../../protocol/primitives.ts';
import { BLOOM_BYTES, encodeReceipt, type Log, logsBloom, mergeBloom } from '../../protocol/receipt.ts';
import { encodeRlp, fromNumber, type RlpItem } from '../../protocol/rlp.ts';
import type { SimulatedTransaction } from '../../protocol/simulated-transaction.ts';
import { indexTrieRoot } from '../../state/index-trie.ts';
import { EMPTY_BYTES } from '../../util/bytes.ts';
import { invariant } from '../../util/errors.ts';
import { keccak256 } from '../../util/keccak.ts';
import type { PlannedBlock } from './simulation-plan.ts';

/** The block that another is simulated upon. */
export interface ParentBlock {
  readonly header: SimulatedHeader;
  readonly hash: Hash;
}

/** A simulated block before its calls. */
export interface OpenedBlock {
  readonly env: CallEnvironment;
  readonly excessBlobGas: bigint;
  readonly parentBeaconRoot: Hash;
  readonly withdrawals: readonly Withdrawal[];
}

/** What its calls made of it. */
export interface ExecutedBlock {
  readonly transactions: readonly SimulatedTransaction[];
  readonly calls: readonly SimulatedCall[];
  /** Of each receipt. */
  readonly logs: readonly (readonly Log[])[];
  readonly gasUsed: bigint;
  readonly blobGasUsed: bigint;
}

/**
 * What a block gives its calls where its overrides do not say: fee recipient and gas limit are those of its parent, and the
 * base fee is zero unless fees are checked (geth).
 */
export function openBlock(
  { block: { blockOverrides: given }, number, timestamp }: PlannedBlock,
  { header: parent, hash: parentHash }: ParentBlock,
  { validation, baseFeeFloorWei }: { readonly validation: boolean; readonly baseFeeFloorWei: bigint },
): OpenedBlock {
  const excessBlobGas = nextExcessBlobGas(parent);
  const usualBaseFee = validation ? nextBaseFee(parent, baseFeeFloorWei) : 0n;
  const env: CallEnvironment = {
    ...{ number, timestamp, parentHash },
    baseFeePerGas: given.baseFeePerGas ?? usualBaseFee,
    gasLimit: given.gasLimit ?? parent.gasLimit,
    coinbase: given.coinbase ?? parent.coinbase,
    prevRandao: given.prevRandao ?? ZERO_HASH,
    blobBaseFee: given.blobBaseFee ?? blobBaseFee(excessBlobGas),
  };
  return { env, excessBlobGas, parentBeaconRoot: given.parentBeaconRoot ?? ZERO_HASH, withdrawals: given.withdrawals ?? [] };
}

/** @param stateRoot undefined: not known */
export function closeBlock(opened: OpenedBlock, executed: ExecutedBlock, stateRoot: Hash | undefined): SimulatedBlock {
  const { withdrawals } = opened;
  const { transactions, calls } = executed;
  const withdrawalItems = withdrawals.map(itemsOf);
  const header = createHeader(opened, executed, {
    stateRoot: stateRoot ?? ZERO_HASH,
    transactionsRoot: indexTrieRoot(transactions.map(({ raw }) => raw)),
    receiptsRoot: indexTrieRoot(encodeReceipts(executed)),
    withdrawalsRoot: indexTrieRoot(withdrawalItems.map(encodeRlp)),
  });
  const items = headerViewItems(header);
  const body = [transactions.map(({ bodyItem }) => bodyItem), [], withdrawalItems];
  const sizeBytes = encodeRlp([items, ...body]).length;
  return { header, hash: keccak256(encodeRlp(items)), sizeBytes, transactions, calls, withdrawals };
}

type Roots = Pick<SimulatedHeader, 'stateRoot' | 'transactionsRoot' | 'receiptsRoot' | 'withdrawalsRoot'>;

function createHeader(
  { env, excessBlobGas, parentBeaconRoot }: OpenedBlock,
  executed: ExecutedBlock,
  roots: Roots,
): SimulatedHeader {
  const bloom = new Uint8Array(BLOOM_BYTES);
  for (const logs of executed.logs) if (logs.length > 0) mergeBloom(bloom, logsBloom(logs));
  const { number, timestamp, parentHash, baseFeePerGas, gasLimit, coinbase, prevRandao } = env;
  return {
    ...{ number, timestamp, parentHash, baseFeePerGas, gasLimit, coinbase, prevRandao },
    ...roots,
    ommersHash: EMPTY_LIST_HASH,
    logsBloom: bloom,
    difficulty: 0n,
    gasUsed: executed.gasUsed,
    extraData: EMPTY_BYTES,
    nonce: new Uint8Array(8),
    blobGasUsed: executed.blobGasUsed,
    excessBlobGas,
    parentBeaconBlockRoot: parentBeaconRoot,
    requestsHash: EMPTY_REQUESTS_HASH,
  };
}

function encodeReceipts({ transactions, calls, logs }: ExecutedBlock): Uint8Array[] {
  let cumulativeGasUsed = 0n;
  return transactions.map(({ type }, index) => {
    const [call, ownLogs] = [calls[index], logs[index]];
    invariant(call !== undefined && ownLogs !== undefined, 'each transaction has its call');
    cumulativeGasUsed += call.gasUsed;
    return encodeReceipt({ type, status: call.kind === 'success' ? 1 : 0, cumulativeGasUsed, logs: ownLogs });
  });
}

/** EIP-4895 */
function itemsOf({ index, validatorIndex, address, amountGwei }: Withdrawal): RlpItem[] {
  return [fromNumber(index), fromNumber(validatorIndex), address, fromNumber(amountGwei)];
}
