import type { Bytes } from '../util/bytes.ts';
import type { BlockHeader } from './block-header.ts';
import { EMPTY_LIST_HASH, EMPTY_REQUESTS_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from './primitives.ts';
import { encodeRlp, fromNumber, type RlpItem } from './rlp.ts';

/**
 * A block header of any fork of Ethereum, as JSON-RPC shows it. Fields that came with a fork are absent before it, and
 * each of these is there only when those above it are.
 */
export interface HeaderView extends Omit<BlockHeader, 'baseFeePerGas'> {
  readonly ommersHash: Hash;
  readonly difficulty: bigint;
  /** 8 bytes. */
  readonly nonce: Bytes;
  /** EIP-1559, wei per gas. */
  readonly baseFeePerGas?: bigint;
  /** EIP-4895 */
  readonly withdrawalsRoot?: Hash;
  /** EIP-4844 */
  readonly blobGasUsed?: bigint;
  /** EIP-4844 */
  readonly excessBlobGas?: bigint;
  /** EIP-4788 */
  readonly parentBeaconBlockRoot?: Hash;
  /** EIP-7685 */
  readonly requestsHash?: Hash;
}

/** Fields that have one value in every block of Strobe: no ommers, withdrawals, blobs, requests or beacon roots. */
const CONSTANT_FIELDS = {
  ommersHash: EMPTY_LIST_HASH,
  difficulty: 0n,
  nonce: new Uint8Array(8),
  withdrawalsRoot: EMPTY_TRIE_ROOT,
  blobGasUsed: 0n,
  excessBlobGas: 0n,
  parentBeaconBlockRoot: ZERO_HASH,
  requestsHash: EMPTY_REQUESTS_HASH,
} satisfies Partial<HeaderView>;

/** A header of Strobe with all its fields. */
export function viewHeader(header: BlockHeader): Required<HeaderView> {
  return { ...header, ...CONSTANT_FIELDS };
}

/** The fields as they are hashed, in order, up to the last one that the header's fork has. */
export function headerViewItems(view: HeaderView): RlpItem[] {
  const optional = [
    view.baseFeePerGas,
    view.withdrawalsRoot,
    view.blobGasUsed,
    view.excessBlobGas,
    view.parentBeaconBlockRoot,
    view.requestsHash,
  ];
  return [
    view.parentHash,
    view.ommersHash,
    view.coinbase,
    view.stateRoot,
    view.transactionsRoot,
    view.receiptsRoot,
    view.logsBloom,
    fromNumber(view.difficulty),
    fromNumber(view.number),
    fromNumber(view.gasLimit),
    fromNumber(view.gasUsed),
    fromNumber(view.timestamp),
    view.extraData,
    view.prevRandao,
    view.nonce,
    ...optional.flatMap((field) => (field === undefined ? [] : [typeof field === 'bigint' ? fromNumber(field) : field])),
  ];
}

/** RLP of {@link headerViewItems}. */
export function encodeHeaderView(view: HeaderView): Bytes {
  return encodeRlp(headerViewItems(view));
}
