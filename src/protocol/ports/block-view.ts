import type { HeaderView } from '../header-view.ts';
import type { Address, Hash } from '../primitives.ts';

// What JSON-RPC shows of blocks that Strobe does not make: those of a chain of another client, with the forks before Prague,
// ommers, withdrawals and blobs. Such a chain is served as it is; nothing of it is ever sealed, signed or sent to peers.

/** A withdrawal of the beacon chain (EIP-4895). */
export interface Withdrawal {
  readonly index: bigint;
  readonly validatorIndex: bigint;
  readonly address: Address;
  readonly amountGwei: bigint;
}

export interface BlockView {
  readonly header: HeaderView;
  readonly ommers: readonly HeaderView[];
  /** Undefined before EIP-4895. */
  readonly withdrawals: readonly Withdrawal[] | undefined;
}

/** What a blob transaction adds (EIP-4844). */
export interface BlobView {
  readonly versionedHashes: readonly Hash[];
  /** Wei per blob gas. */
  readonly maxFeePerBlobGas: bigint;
  readonly gasUsed: bigint;
  /** Wei per blob gas, as the block charged it. */
  readonly gasPrice: bigint;
}

export interface TransactionView {
  readonly blobs?: BlobView;
  /** State root after the transaction, which receipts had in place of a status before EIP-658. */
  readonly postState?: Hash;
}
