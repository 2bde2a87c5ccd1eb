import type { Bytes } from '../../util/bytes.ts';
import type { BlockEnvironment } from '../block-header.ts';
import type { Address, Hash } from '../primitives.ts';
import type { Log, Receipt } from '../receipt.ts';
import type { AccessListEntry, Authorization, Transaction } from '../transaction.ts';
import type { StateView } from './state.ts';

/** A decoded transaction with its recovered sender. */
export interface SignedTransaction {
  readonly transaction: Transaction;
  readonly sender: Address;
}

export type ExecutionOutcome =
  /** Included: executed or reverted; its writes are in the world state. */
  | { readonly kind: 'included'; readonly receipt: Receipt; readonly gasUsed: bigint }
  /** Not includable now (nonce, funds, fee, gas); the world state is untouched. `code` is a pool error code. */
  | { readonly kind: 'rejected'; readonly code: string; readonly message: string };

/** Hash of an earlier block of this chain for BLOCKHASH; undefined outside the 256-block window. */
export type BlockHashReader = (blockNumber: number) => Hash | undefined;

/** Executes the blocks of a chain one after the other on one world state. */
export interface ExecutionEngine {
  /**
   * Opens a block: makes the system-call writes (EIP-2935, EIP-4788). With `resumeGasUsed` the block was begun before
   * a restart: its system calls are in the state already and gas goes on from there.
   */
  beginBlock(env: BlockEnvironment, resumeGasUsed?: bigint): Promise<void>;
  /** Executes one transaction in the open block. */
  execute(transaction: SignedTransaction): Promise<ExecutionOutcome>;
}

/** A message call as JSON-RPC asks for it; fees in wei per gas. */
export interface CallRequest {
  readonly from: Address;
  readonly to: Address | undefined;
  readonly gas: bigint | undefined;
  readonly maxFeePerGas: bigint | undefined;
  readonly maxPriorityFeePerGas: bigint | undefined;
  readonly value: bigint;
  readonly data: Bytes;
  readonly accessList: readonly AccessListEntry[];
  /** EIP-7702 tuples; those that do not hold are skipped, as in a transaction. */
  readonly authorizationList: readonly Authorization[];
  /** EIP-4844; absent or empty: the call carries no blobs. */
  readonly blobVersionedHashes?: readonly Hash[] | undefined;
  /** Wei per blob gas; absent: zero, and then blobs cost nothing. */
  readonly maxFeePerBlobGas?: bigint | undefined;
  /** The chain that the call is meant for; absent: whichever this is. */
  readonly chainId?: bigint | undefined;
}

/** State to be assumed for one call, per account. */
export interface AccountOverride {
  readonly address: Address;
  readonly balance?: bigint;
  readonly nonce?: bigint;
  readonly code?: Bytes;
  /** Replaces the whole storage. */
  readonly state?: readonly { key: Hash; value: Hash }[];
  /** Replaces single slots. */
  readonly stateDiff?: readonly { key: Hash; value: Hash }[];
  /**
   * Where the precompile at `address` is for this call. With any override at all an account that is a precompile stops
   * being one, as in geth.
   */
  readonly movePrecompileTo?: Address;
}

/** The block that a call runs in. */
export interface CallEnvironment extends BlockEnvironment {
  /** Wei per blob gas; absent: the least, as in every block here. */
  readonly blobBaseFee?: bigint | undefined;
}

/** Fields of the block that a call is to assume. */
export interface BlockOverrides {
  readonly number?: number | undefined;
  /** Seconds since 1970. */
  readonly timestamp?: number | undefined;
  readonly gasLimit?: bigint | undefined;
  readonly coinbase?: Address | undefined;
  readonly prevRandao?: Hash | undefined;
  readonly baseFeePerGas?: bigint | undefined;
  readonly blobBaseFee?: bigint | undefined;
}

export type CallOutcome =
  | { readonly kind: 'success'; readonly output: Bytes; readonly gasUsed: bigint; readonly logs: readonly Log[] }
  | { readonly kind: 'reverted'; readonly output: Bytes; readonly gasUsed: bigint }
  /** Out of gas, invalid opcode and the like; `message` in geth's wording. */
  | { readonly kind: 'failed'; readonly message: string; readonly gasUsed: bigint };

export interface AccessListOutcome {
  /** What the call touches and is not warm anyway (EIP-2930), with the request's own list. */
  readonly accessList: readonly AccessListEntry[];
  /** Of the call with this list. */
  readonly outcome: CallOutcome;
}

/** Where in the chain a call runs; the state stays that of one mini-block for as long as the call waits and runs. */
export interface CallPosition {
  readonly state: StateView;
  readonly env: CallEnvironment;
}

/** Runs calls without changing state. Each call sees one mini-block's state. */
export interface CallExecutor {
  /** @throws StrobeError CALL_GAS_ABOVE_CAP, CALL_TIMEOUT, INSUFFICIENT_FUNDS, INVALID_STATE_OVERRIDE, INVALID_BLOBS */
  call(request: CallRequest, position: CallPosition, overrides: readonly AccountOverride[]): Promise<CallOutcome>;
  /**
   * The least gas limit with which the transaction succeeds (binary search, geth's rules).
   * @throws StrobeError EXECUTION_REVERTED with `meta.output`, EXECUTION_FAILED, and the codes of {@link CallExecutor.call}
   */
  estimateGas(request: CallRequest, position: CallPosition, overrides: readonly AccountOverride[]): Promise<bigint>;
  /** Throws as {@link CallExecutor.call} does; a call that fails has an access list too. */
  createAccessList(
    request: CallRequest,
    position: CallPosition,
    overrides: readonly AccountOverride[],
  ): Promise<AccessListOutcome>;
}
