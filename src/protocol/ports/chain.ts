import type { Bytes, Hex } from '../../util/bytes.ts';
import type { Attestation } from '../attestation.ts';
import type { BlockEnvironment, BlockHeader } from '../block-header.ts';
import type { ForkSchedule } from '../fork-config.ts';
import type { MiniBlock, MiniBlockBody } from '../mini-block.ts';
import type { Address, Hash } from '../primitives.ts';
import type { Receipt } from '../receipt.ts';
import type { RowDiff } from '../row-diff.ts';
import type { BlockSeal } from '../sequencer-messages.ts';
import type { StateDiff } from '../state-diff.ts';
import type { Transaction } from '../transaction.ts';
import type { BlockView, TransactionView } from './block-view.ts';
import type { CallExecutor } from './execution.ts';
import type { StateHistoryStatus } from './history.ts';
import type { PeerStanding } from './network.ts';
import type { PoolReader } from './pool.ts';
import type { ReceiptProof, StateProver } from './proofs.ts';
import type { ResourceReader } from './resources.ts';
import type { SimulationService } from './simulation.ts';
import type { StateView } from './state.ts';
import type { StateChangeReader } from './state-changes.ts';
import type { TransactionTracer } from './tracing.ts';
import type { WitnessReader } from './witnesses.ts';

/** A transaction at its place in the chain with everything that a receipt or transaction object shows. */
export interface IndexedTransaction {
  readonly transaction: Transaction;
  readonly sender: Address;
  readonly receipt: Receipt;
  readonly miniBlockNumber: number;
  readonly blockNumber: number;
  /** Undefined until the EVM block is sealed. */
  readonly blockHash: Hash | undefined;
  /** Seconds since 1970. */
  readonly blockTimestamp: number;
  readonly baseFeePerGas: bigint;
  readonly transactionIndex: number;
  readonly gasUsed: bigint;
  /** Index in the block of the first log of this transaction. */
  readonly firstLogIndex: number;
  /** Set when the transaction created a contract. */
  readonly contractAddress: Address | undefined;
  /** What no transaction of Strobe has; absent in all of them. */
  readonly view?: TransactionView;
}

/** A sealed EVM block. */
export interface Block {
  readonly header: BlockHeader;
  readonly hash: Hash;
  readonly transactions: readonly IndexedTransaction[];
  /** RLP size of header, transactions, no ommers and no withdrawals, bytes. */
  readonly sizeBytes: number;
  readonly firstMiniBlock: number;
  readonly lastMiniBlock: number;
  /** How JSON-RPC shows a block that Strobe did not make; absent in all of Strobe's. */
  readonly view?: BlockView;
}

/** The block under construction: transactions of durable mini-blocks above the sealed head. */
export interface OpenBlock {
  readonly env: BlockEnvironment;
  readonly transactions: readonly IndexedTransaction[];
  readonly gasUsed: bigint;
}

/** A durable mini-block as subscribers see it. */
export interface AppliedMiniBlock {
  readonly miniBlock: MiniBlock;
  readonly env: BlockEnvironment;
  readonly transactions: readonly IndexedTransaction[];
  readonly gasUsed: bigint;
  /** Logs of the block before this mini-block. */
  readonly firstLogIndex: number;
}

export type ChainEvent =
  | { readonly kind: 'miniBlock'; readonly miniBlock: AppliedMiniBlock }
  | { readonly kind: 'block'; readonly block: Block; readonly miniBlockCount: number }
  | { readonly kind: 'safe' | 'finalized'; readonly blockNumber: number }
  /** A sealed block was attested, proven or posted, see {@link BlockStatus}; `block`, `safe` and `finalized` change it too. */
  | { readonly kind: 'status'; readonly blockNumber: number }
  /** Mini-blocks above `number` were undone; their transactions, newest last. The state goes back right after. */
  | { readonly kind: 'rollback'; readonly number: number; readonly removed: readonly IndexedTransaction[] };

/** Steps of the verification ladder that a block has climbed (PROTOCOL section 7). */
export interface BlockStatus {
  readonly blockNumber: number;
  readonly blockHash: Hash;
  readonly received: boolean;
  readonly signatureVerified: boolean;
  readonly rootVerified: boolean;
  readonly attestedBy: readonly Address[];
  readonly daCommitment: Hash | undefined;
}

export interface LogFilter {
  readonly fromBlock: number;
  /** Inclusive; may lie above the sealed head, then the open block's logs are included. */
  readonly toBlock: number;
  /** Any of these; empty: every address. */
  readonly addresses: readonly Address[];
  /** By position: any of these; undefined or empty: every topic. */
  readonly topics: readonly (readonly Hash[] | undefined)[];
}

/** A log at its place in the chain. */
export interface IndexedLog {
  readonly transaction: IndexedTransaction;
  /** Position in the transaction's receipt. */
  readonly position: number;
}

/** Where a log is in the chain. */
export interface LogPosition {
  readonly blockNumber: number;
  /** Index in the block. */
  readonly logIndex: number;
}

/** The next logs of a long search, in chain order. */
export interface LogPage {
  readonly logs: readonly IndexedLog[];
  /** Where the search goes on; undefined: everything was searched. */
  readonly next: LogPosition | undefined;
}

/** Reads of the chain, the same on a sequencer and on a replica. */
export interface ChainReader {
  readonly chainId: number;
  readonly genesisHash: Hash;
  /** Newest sealed block; block 0 at first. */
  head(): { readonly header: BlockHeader; readonly hash: Hash };
  safeNumber(): number | undefined;
  finalizedNumber(): number | undefined;
  /** Newest durable mini-block, 0 at first. */
  miniBlockNumber(): number;
  openBlock(): OpenBlock | undefined;
  /** The environment that a call on `latest` runs in: the open block's, else the head's. */
  latestEnvironment(): BlockEnvironment;
  /**
   * The oldest sealed block that is kept, 1 until history is pruned; it only goes up. Reads find nothing of the blocks below
   * it but of block 0, which always stays, and {@link ChainReader.logs} throws HISTORY_PRUNED.
   */
  oldestBlock(): Promise<number>;
  blockByNumber(blockNumber: number): Promise<Block | undefined>;
  /** The seal alone: cheap, where {@link ChainReader.blockByNumber} decodes every transaction. Block 0 has none. */
  sealOf(blockNumber: number): Promise<BlockSeal | undefined>;
  blockByHash(hash: Hash): Promise<Block | undefined>;
  /** Also of the open block. */
  transactionByHash(hash: Hash): Promise<IndexedTransaction | undefined>;
  /** @throws StrobeError LOG_RANGE_TOO_LARGE, TOO_MANY_LOGS, HISTORY_PRUNED */
  logs(filter: LogFilter): Promise<IndexedLog[]>;
  /**
   * As {@link ChainReader.logs}, beginning with a log of block `fromBlock`, as much of it as the limits on blocks and
   * logs allow; the open block is never part of it.
   * @throws StrobeError INVALID_BLOCK_RANGE, HISTORY_PRUNED
   */
  logPage(filter: LogFilter, firstLogIndex: number): Promise<LogPage>;
  miniBlock(number: number): Promise<AppliedMiniBlock | undefined>;
  blockStatus(blockNumber: number): Promise<BlockStatus | undefined>;
  attestations(blockNumber: number): Promise<readonly Attestation[]>;
  /** What {@link ChainWriter.putBlockDiff} kept, as long as the block's root is not verified. */
  blockDiff(blockNumber: number): Promise<Bytes | undefined>;
  /** Events in chain order, after they are visible to reads; returns the unsubscribe function. Listeners must not throw. */
  subscribe(listener: (event: ChainEvent) => void): () => void;
}

/** Writes of the chain, made by a role in chain order. */
export interface ChainWriter {
  /** Makes a durable mini-block visible: its state is applied already. */
  appendMiniBlock(applied: MiniBlockCommit): AppliedMiniBlock;
  /** Turns the open block into the head; one atomic batch with indexes and head. */
  sealBlock(seal: BlockSeal): Promise<Block>;
  /** Keeps the canonical bytes of a sealed block's net diff until its root is verified. */
  putBlockDiff(blockNumber: number, diff: Bytes): Promise<void>;
  addAttestation(attestation: Attestation, prover: Address): Promise<void>;
  markRootVerified(blockNumber: number): Promise<void>;
  markDaPosted(blockNumber: number, commitment: Hash): Promise<void>;
  markSafe(blockNumber: number): Promise<void>;
  markFinalized(blockNumber: number): Promise<void>;
  /**
   * Forgets mini-blocks above `number`, newest first. Never goes below the safe block.
   * @throws StrobeError ROLLBACK_BELOW_SAFE
   */
  rollback(number: number): Promise<void>;
}

export interface MiniBlockCommit {
  readonly miniBlock: MiniBlock;
  readonly env: BlockEnvironment;
  readonly diff: StateDiff | RowDiff;
  readonly body: MiniBlockBody;
  /** Decoded transactions in the body's order, when the caller has them. */
  readonly decoded?: readonly Transaction[];
  /** The bytes of its log record, when the caller has them. */
  readonly logRecord?: Bytes;
}

/** Where JSON-RPC puts transactions: the pool on a sequencer, the link to it on a replica. */
export interface TransactionSink {
  /**
   * Adds a raw transaction to the pool. `requireReady` refuses one with a nonce gap instead of queueing it (EIP-7966).
   * @throws StrobeError with a pool error code (see pool-errors.ts), SEQUENCER_UNREACHABLE on a replica
   */
  submit(raw: Uint8Array, options?: { readonly requireReady?: boolean }): Promise<Hash>;
  /** Next nonce of an account with the pool's transactions counted. */
  pendingNonce(address: Address): Promise<bigint>;
  /**
   * Shows transactions as they enter the pool; returns the unsubscribe function. On a replica as far as there is room for
   * them on the way from the sequencer, see {@link SequencerService.subscribePending}.
   */
  subscribePending(listener: (transaction: Transaction, sender: Address) => void): () => void;
  /** A pooled transaction that is not in a mini-block yet. */
  pooledTransaction(hash: Hash): Promise<{ transaction: Transaction; sender: Address } | undefined>;
}

/** Proves receipts of sealed blocks. */
export interface ReceiptProver {
  /** @throws StrobeError PROOFS_BUSY */
  prove(block: Block, transactionIndex: number): Promise<ReceiptProof>;
}

/** Blocks still to catch up. */
export interface SyncProgress {
  readonly currentBlock: number;
  readonly highestBlock: number;
}

/** What JSON-RPC tells of the node itself; the functions are asked of the core thread. */
export interface NodeStatus {
  readonly role: 'sequencer' | 'replica';
  readonly version: string;
  /** Changing part: state, reasons, peers. JSON-safe. */
  describe(): Promise<Readonly<Record<string, unknown>>>;
  /** Undefined when in step (eth_syncing). */
  syncing(): Promise<SyncProgress | undefined>;
  peerCount(): Promise<number>;
  /** How the connected and the banned peers behaved, worst first. */
  peers(): Promise<readonly PeerStanding[]>;
  /** Stored evidence of two signatures over one number, raw messages in hex. */
  equivocations(): Promise<readonly { readonly first: Hex; readonly second: Hex }[]>;
}

/** Whose attestations count, and how many of them are needed. */
export interface AttestationPolicy {
  readonly threshold: number;
  /** How many provers there are. */
  readonly proverCount: number;
  /** True for a prover whose word this node does not take any more. */
  isExcluded(prover: Address): boolean;
}

/**
 * Everything that JSON-RPC serves from. In production it lives in the thread of JSON-RPC: state, chain and calls are read
 * there, the rest is asked of the core thread and therefore asynchronous.
 */
export interface RpcBackend {
  /**
   * State of the newest durable mini-block, of that very one for as long as the view is used. Reads throw StrobeError
   * STATE_FORGOTTEN when it is undone, or too old by then; whoever asks anew gets the newest again.
   */
  readonly state: StateView;
  /** State at the end of a sealed block, as {@link RpcBackend.state}; undefined when it is not kept. */
  stateAt(blockNumber: number): StateView | undefined;
  /** How far {@link RpcBackend.stateAt} reaches back. */
  readonly stateHistory: StateHistoryStatus;
  readonly chain: ChainReader;
  readonly stateChanges: StateChangeReader;
  readonly forks: ForkSchedule;
  /**
   * Calls that are given up after some milliseconds (CALL_TIMEOUT): they keep the thread that asks. Undefined: every call
   * goes to {@link RpcBackend.calls}.
   */
  readonly quickCalls?: CallExecutor | undefined;
  /**
   * These three execute in other threads, as many requests at a time as there are such threads: who asks them keeps to
   * `limits.executors`. Besides what their ports say they throw StrobeError EXECUTOR_FAILED.
   */
  readonly calls: CallExecutor;
  readonly simulator: SimulationService;
  readonly tracer: TransactionTracer;
  readonly transactions: TransactionSink;
  readonly pool: PoolReader;
  /** Undefined: this node keeps no state trie. */
  readonly stateProofs: StateProver | undefined;
  readonly receiptProofs: ReceiptProver;
  readonly witnesses: WitnessReader;
  readonly resources: ResourceReader;
  readonly node: NodeStatus;
  /** As it stands now. */
  attestationPolicy(): Promise<AttestationPolicy>;
}
