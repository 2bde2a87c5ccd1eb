import type { Bytes } from '../../util/bytes.ts';
import type { BlockHeader } from '../block-header.ts';
import type { HeaderView } from '../header-view.ts';
import type { Address, Hash } from '../primitives.ts';
import type { Log } from '../receipt.ts';
import type { SimulatedTransaction } from '../simulated-transaction.ts';
import type { StateDiff } from '../state-diff.ts';
import type { Withdrawal } from './block-view.ts';
import type { AccountOverride, BlockOverrides, CallRequest } from './execution.ts';
import type { StateView } from './state.ts';

/** Most blocks that one simulation adds, those that fill gaps included (geth). */
export const MAX_SIMULATED_BLOCKS = 256;

/** Why a simulation cannot be carried out; the codes of the OpenRPC document stand behind them (rpc/rpc-error.ts). */
export type SimulationErrorCode =
  | 'SIMULATED_NONCE_TOO_LOW'
  | 'SIMULATED_NONCE_TOO_HIGH'
  | 'SIMULATED_FEE_TOO_LOW'
  | 'SIMULATED_INTRINSIC_GAS_TOO_LOW'
  | 'SIMULATED_INSUFFICIENT_FUNDS'
  | 'SIMULATED_BLOCK_GAS_LIMIT'
  | 'SIMULATED_BLOCK_NUMBER'
  | 'SIMULATED_BLOCK_TIMESTAMP'
  | 'SIMULATED_INIT_CODE_TOO_LARGE'
  | 'SIMULATED_CALL_INVALID'
  | 'SIMULATION_LIMIT_EXCEEDED';

/** A call that is to become a transaction of a simulated block. */
export interface SimulationCall extends CallRequest {
  /** Undefined: the sender's next one. */
  readonly nonce: bigint | undefined;
  /** The fee was given as `gasPrice`: the transaction is of type 0 or 1. */
  readonly hasGasPrice: boolean;
}

export interface SimulationBlockOverrides extends BlockOverrides {
  readonly parentBeaconRoot?: Hash | undefined;
  readonly withdrawals?: readonly Withdrawal[] | undefined;
}

export interface SimulationBlock {
  readonly blockOverrides: SimulationBlockOverrides;
  /** Applied before the block's calls. */
  readonly stateOverrides: readonly AccountOverride[];
  readonly calls: readonly SimulationCall[];
}

export interface SimulationRequest {
  readonly blocks: readonly SimulationBlock[];
  /** Nonces and fees are checked as those of transactions; senders may have code, and nothing is signed, in either case. */
  readonly validation: boolean;
  /** Every transfer of ether is among the logs, as ERC-7528 has it. */
  readonly traceTransfers: boolean;
}

/** What the first simulated block is built on. */
export interface SimulationBase {
  readonly header: BlockHeader;
  readonly hash: Hash;
  /** Must stay as it is. */
  readonly state: StateView;
  /**
   * What `state` has beyond the state root of the header: mini-blocks above the block, else nothing. Undefined: not known,
   * and then no simulated block has a state root.
   */
  readonly changes: StateDiff | undefined;
  /** Seconds since 1970 of the first block that does not give its own; undefined: the usual time behind the base. */
  readonly nextTimestamp: number | undefined;
}

export interface SimulatedLog extends Log {
  /** Number in the block, with those of calls that failed counted. */
  readonly index: number;
}

/** A simulated call is carried out, whatever becomes of it. */
export interface SimulatedCall {
  readonly kind: 'success' | 'reverted' | 'failed';
  /** Returned bytes, of a revert too. */
  readonly output: Bytes;
  readonly gasUsed: bigint;
  /** Before refunds. */
  readonly maxGasUsed: bigint;
  /** With transfers, if they were asked for; empty unless successful. */
  readonly logs: readonly SimulatedLog[];
  /** Why it failed, in geth's wording. */
  readonly message: string | undefined;
}

export type SimulatedHeader = Required<HeaderView>;

export interface SimulatedBlock {
  /** `stateRoot` is 32 zero bytes where it is not known here. */
  readonly header: SimulatedHeader;
  readonly hash: Hash;
  /** RLP size, bytes. */
  readonly sizeBytes: number;
  readonly transactions: readonly SimulatedTransaction[];
  /** One for each transaction. */
  readonly calls: readonly SimulatedCall[];
  readonly withdrawals: readonly Withdrawal[];
}

/** Executes blocks that nobody made. */
export interface Simulator {
  /**
   * @throws StrobeError with a {@link SimulationErrorCode}, CALL_TIMEOUT, INVALID_STATE_OVERRIDE, PRECOMPILE_MOVED_TO_ITSELF,
   * STATE_FORGOTTEN, EXECUTION_FAILED
   */
  simulate(request: SimulationRequest, base: SimulationBase): Promise<readonly SimulatedBlock[]>;
}

/** What JSON-RPC asks for simulations. */
export interface SimulationService {
  /**
   * The answer to eth_simulateV1 as JSON text: blocks of thousands of calls are written out where they were executed.
   * Throws as {@link Simulator.simulate} does.
   */
  simulate(request: SimulationRequest, base: SimulationBase, returnsFullTransactions: boolean): Promise<string>;
  /**
   * The newest state as it is when this is called: later mini-blocks do not show in it.
   * @param since a mini-block whose state its changes are to be told from; undefined: they need not be
   */
  newestState(since: number | undefined): Promise<NewestState>;
}

export interface NewestState {
  readonly state: StateView;
  /** Undefined when they were not asked for, or are not kept. */
  readonly changes: StateDiff | undefined;
}

/** A key of a trie that is to be changed. */
export interface ChangedKey {
  readonly key: Bytes;
  readonly deleted: boolean;
}

export interface ChangedAccount {
  readonly address: Address;
  readonly deleted: boolean;
  readonly slots: readonly ChangedKey[];
}

/** Gives parts of recent state tries. */
export interface StateNodes {
  /**
   * RLP of the trie nodes below a state root from which a partial trie can read these accounts and slots, set all of
   * them, and delete those that are marked, in any order.
   * @throws StrobeError PROOF_NOT_AVAILABLE when no state with that root is kept
   */
  nodes(stateRoot: Hash, changes: readonly ChangedAccount[]): Promise<readonly Bytes[]>;
}
