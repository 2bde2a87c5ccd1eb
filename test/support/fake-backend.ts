import type { Attestation } from '../../src/protocol/attestation.ts';
import { type BlockEnvironment, hashHeader, nextBaseFee, prevRandaoOf } from '../../src/protocol/block-header.ts';
import { strobeForks } from '../../src/protocol/fork-config.ts';
import type { MiniBlockEnvelope } from '../../src/protocol/mini-block.ts';
import { poolError } from '../../src/protocol/pool-errors.ts';
import type {
  AppliedMiniBlock,
  Block,
  BlockStatus,
  ChainEvent,
  ChainReader,
  IndexedTransaction,
  NodeStatus,
  OpenBlock,
  RpcBackend,
  TransactionSink,
} from '../../src/protocol/ports/chain.ts';
import type { PeerStanding } from '../../src/protocol/ports/network.ts';
import type { StateProver } from '../../src/protocol/ports/proofs.ts';
import {
  type Account,
  type Address,
  EMPTY_CODE_HASH,
  type Hash,
  ZERO_ADDRESS,
  ZERO_HASH,
} from '../../src/protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { decodeTransaction, type Transaction } from '../../src/protocol/transaction.ts';
import { bytesEqual, toKey } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { recoverAddress } from '../../src/util/secp256k1.ts';
import { defined } from './defined.ts';
import { type FakeCall, fakeCalls } from './fake-calls.ts';
import {
  createBlock,
  createdAddress,
  FAKE_GAS_LIMIT,
  fakeAttestation,
  fakeHeader,
  logPageOf,
  logsIn,
  logsOf,
  nextLogIndex,
  receiptProver,
  stateOf,
} from './fake-chain-parts.ts';
import { CONTRACT, CONTRACT_CODE, LOGGER, THE_CONTRACT } from './fake-contracts.ts';
import { fakePool } from './fake-pool.ts';
import { FAKE_BLOCK_RESOURCES, fakeResources } from './fake-resources.ts';
import { FakeSimulator } from './fake-simulator.ts';
import { FakeStateChanges } from './fake-state-changes.ts';
import { fakeTracing } from './fake-tracing.ts';

export const CHAIN_ID = 1337;
export const BASE_FEE_FLOOR_WEI = 1_000n;
const TRANSFER_GAS = 21_000n;
const GENESIS_TIMESTAMP = 1_700_000_000;

type Listener<Event> = (event: Event) => void;

/**
 * A small chain in memory behind the port of JSON-RPC: transfers and logs, mini-blocks and blocks made on demand. Its
 * roots are not real, everything else fits together.
 */
export class FakeChain {
  readonly accounts = new Map<string, Account>();
  readonly pool = new Map<string, { transaction: Transaction; sender: Address }>();
  readonly blocks: Block[] = [];
  readonly miniBlocks: AppliedMiniBlock[] = [];
  readonly submitted: string[] = [];
  readonly calls: FakeCall[] = [];
  open: { env: BlockEnvironment; transactions: IndexedTransaction[]; gasUsed: bigint; firstMiniBlock: number } | undefined;
  /** Blocks below have no state. */
  oldestState = 0;
  /** Blocks below, but for block 0, are pruned. */
  oldestBlock = 1;
  /** Called when a read of the chain begins: a test may prune in this very moment. */
  onRead: () => void = () => {};
  safe: number | undefined;
  /** Encoded witnesses by block. */
  readonly storedWitnesses = new Map<number, Uint8Array>();
  /** What is known of blocks beyond their being sealed, by number. */
  readonly statuses = new Map<number, Partial<BlockStatus>>();
  /** Provers that count no more. */
  readonly excluded = new Set<string>();
  finalized: number | undefined;
  peers: PeerStanding[] = [];
  syncing: { currentBlock: number; highestBlock: number } | undefined;
  /** Makes every submission fail with this error. */
  submitError: Error | undefined;
  /** Includes each transaction in a mini-block of its own before the submission is answered. */
  includesAtOnce = false;
  readonly simulator = new FakeSimulator(() => stateOf(this.accounts, THE_CONTRACT));
  /** A node without a state trie has none. */
  stateProofs: StateProver | undefined;
  readonly stateChanges = new FakeStateChanges();
  /** Goes up with each rollback. */
  epoch = 1;
  /** Accounts at the end of each sealed block. */
  readonly #sealedAccounts: Map<string, Account>[] = [new Map()];
  readonly #listeners = new Set<Listener<ChainEvent>>();
  readonly #pendingListeners = new Set<(transaction: Transaction, sender: Address) => void>();

  constructor() {
    const contract = { nonce: 1n, balance: 0n, codeHash: keccak256(CONTRACT_CODE) };
    for (const accounts of [this.accounts, ...this.#sealedAccounts]) accounts.set(toKey(CONTRACT), contract);
    const header = fakeHeader(
      { number: 0, parentHash: ZERO_HASH, timestamp: GENESIS_TIMESTAMP, baseFeePerGas: 1_000_000n },
      [],
      0n,
    );
    this.blocks.push(createBlock(header, [], 0, 0));
  }

  get listenerCount(): number {
    return this.#listeners.size + this.#pendingListeners.size;
  }

  get backend(): RpcBackend {
    const { accounts } = this;
    const stateProofs = (): StateProver | undefined => this.stateProofs;
    return {
      get stateProofs() {
        return stateProofs();
      },
      get state() {
        return stateOf(accounts, THE_CONTRACT);
      },
      stateAt: (blockNumber) => {
        const sealed = blockNumber < this.oldestState ? undefined : this.#sealedAccounts[blockNumber];
        return sealed && stateOf(sealed, THE_CONTRACT);
      },
      stateHistory: { oldestState: () => this.oldestState },
      simulator: this.simulator,
      stateChanges: this.stateChanges,
      ...{ chain: this.#chain, calls: fakeCalls(this.calls), transactions: this.#transactions, node: this.#node },
      forks: strobeForks(defined(this.blocks[0]).hash),
      pool: fakePool(this.pool, (sender) => this.#account(sender).nonce),
      ...fakeTracing(this.storedWitnesses),
      resources: fakeResources(FAKE_BLOCK_RESOURCES),
      receiptProofs: receiptProver(),
      attestationPolicy: async () => ({
        ...{ threshold: 2, proverCount: 3 },
        isExcluded: (prover) => this.excluded.has(toKey(prover)),
      }),
    };
  }

  /** Gives an account its genesis balance. */
  fund(address: Address, balance: bigint): void {
    for (const accounts of [this.accounts, this.#sealedAccounts[0] as Map<string, Account>])
      accounts.set(toKey(address), { nonce: 0n, balance, codeHash: EMPTY_CODE_HASH });
  }

  /** Makes a mini-block of what the pool holds, in order of arrival. */
  mine(): AppliedMiniBlock {
    const pooled = [...this.pool.values()];
    this.pool.clear();
    const number = this.miniBlocks.length + 1;
    this.open ??= { env: this.#nextEnvironment(), transactions: [], gasUsed: 0n, firstMiniBlock: number };
    const { open } = this;
    const firstLogIndex = nextLogIndex(open.transactions);
    const before = new Map(this.accounts);
    const transactions = pooled.map(({ transaction, sender }) => this.#execute(transaction, sender, number));
    this.stateChanges.record(number, { before, after: this.accounts, transactions });
    const gasUsed = transactions.reduce((sum, indexed) => sum + indexed.gasUsed, 0n);
    const applied: AppliedMiniBlock = {
      miniBlock: {
        envelope: this.#envelope(number),
        digest: this.#digest(number),
        diffPayload: new Uint8Array(0),
        bodyPayload: new Uint8Array(0),
      },
      env: open.env,
      transactions,
      gasUsed,
      firstLogIndex,
    };
    this.miniBlocks.push(applied);
    this.#emit({ kind: 'miniBlock', miniBlock: applied });
    return applied;
  }

  /** Seals the open block, with an empty mini-block when there is none. */
  seal(): Block {
    if (this.open === undefined) this.mine();
    const { env, transactions, gasUsed, firstMiniBlock } = this.open as NonNullable<FakeChain['open']>;
    const header = fakeHeader(env, transactions, gasUsed);
    const hash = hashHeader(header);
    const block = createBlock(
      header,
      transactions.map((indexed) => ({ ...indexed, blockHash: hash })),
      firstMiniBlock,
      this.miniBlocks.length,
    );
    this.blocks.push(block);
    this.#sealedAccounts.push(new Map(this.accounts));
    this.open = undefined;
    this.#emit({ kind: 'block', block, miniBlockCount: block.lastMiniBlock - block.firstMiniBlock + 1 });
    return block;
  }

  /** Undoes the open block and sealed blocks above `blockNumber`; balances are left as they are. */
  rollback(blockNumber: number): void {
    const undone = this.blocks.splice(blockNumber + 1);
    this.#sealedAccounts.splice(blockNumber + 1);
    const removed = [...undone.flatMap((block) => block.transactions), ...(this.open?.transactions ?? [])];
    this.open = undefined;
    this.miniBlocks.length = this.#head().lastMiniBlock;
    this.epoch++;
    this.#emit({ kind: 'rollback', number: this.miniBlocks.length, removed });
  }

  /** A block climbed the ladder, or became safe. */
  note(event: Extract<ChainEvent, { blockNumber: number }>, status?: Partial<BlockStatus>): void {
    if (event.kind === 'safe') this.safe = event.blockNumber;
    if (event.kind === 'finalized') this.finalized = event.blockNumber;
    if (status !== undefined) this.statuses.set(event.blockNumber, { ...this.statuses.get(event.blockNumber), ...status });
    this.#emit(event);
  }

  #head(): Block {
    return this.blocks.at(-1) as Block;
  }

  #emit(event: ChainEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  #nextEnvironment(): BlockEnvironment {
    const { header, hash } = this.#head();
    return {
      number: header.number + 1,
      parentHash: hash,
      timestamp: header.timestamp + 1,
      baseFeePerGas: nextBaseFee(header, BASE_FEE_FLOOR_WEI),
      gasLimit: FAKE_GAS_LIMIT,
      coinbase: ZERO_ADDRESS,
      prevRandao: prevRandaoOf(hash, header.number + 1),
    };
  }

  #digest(number: number): Hash {
    return keccak256(encodeRlp([fromNumber(this.epoch), fromNumber(number)]));
  }

  #envelope(number: number): MiniBlockEnvelope {
    const open = this.open as NonNullable<FakeChain['open']>;
    return {
      version: 1,
      genesisHash: (this.blocks[0] as Block).hash,
      chainId: CHAIN_ID,
      epoch: this.epoch,
      number,
      parentDigest: this.miniBlocks.at(-1)?.miniBlock.digest ?? keccak256(Uint8Array.of(0)),
      blockNumber: open.env.number,
      index: number - open.firstMiniBlock,
      timestampUs: open.env.timestamp * 1_000_000 + number,
      env: number === open.firstMiniBlock ? open.env : undefined,
      transactionsDigest: ZERO_HASH,
      receiptsDigest: ZERO_HASH,
      stateDiffDigest: ZERO_HASH,
      diffPayloadDigest: ZERO_HASH,
      bodyPayloadDigest: ZERO_HASH,
      signature: new Uint8Array(65),
    };
  }

  #execute(transaction: Transaction, sender: Address, miniBlockNumber: number): IndexedTransaction {
    const open = this.open as NonNullable<FakeChain['open']>;
    const from = this.#account(sender);
    this.accounts.set(toKey(sender), { ...from, nonce: from.nonce + 1n, balance: from.balance - transaction.value });
    if (transaction.to !== undefined) {
      const to = this.#account(transaction.to);
      this.accounts.set(toKey(transaction.to), { ...to, balance: to.balance + transaction.value });
    }
    open.gasUsed += TRANSFER_GAS;
    const indexed: IndexedTransaction = {
      transaction,
      sender,
      receipt: { type: transaction.type, status: 1, cumulativeGasUsed: open.gasUsed, logs: logsOf(transaction, LOGGER) },
      miniBlockNumber,
      blockNumber: open.env.number,
      blockHash: undefined,
      blockTimestamp: open.env.timestamp,
      baseFeePerGas: open.env.baseFeePerGas,
      transactionIndex: open.transactions.length,
      gasUsed: TRANSFER_GAS,
      firstLogIndex: nextLogIndex(open.transactions),
      contractAddress: transaction.to === undefined ? createdAddress(sender, transaction.nonce) : undefined,
    };
    open.transactions.push(indexed);
    return indexed;
  }

  #account(address: Address): Account {
    return this.accounts.get(toKey(address)) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
  }

  #pendingNonce(address: Address): bigint {
    const pooled = [...this.pool.values()].filter(({ sender }) => bytesEqual(sender, address));
    return this.#account(address).nonce + BigInt(pooled.length);
  }

  /** Blocks by number, with holes where they are pruned. */
  #keptBlocks(): (Block | undefined)[] {
    this.onRead();
    return this.blocks.map((block, number) => (number === 0 || number >= this.oldestBlock ? block : undefined));
  }

  #keptTransactions(): IndexedTransaction[] {
    return [...this.#keptBlocks().flatMap((block) => block?.transactions ?? []), ...(this.open?.transactions ?? [])];
  }

  readonly #chain: ChainReader = {
    chainId: CHAIN_ID,
    genesisHash: keccak256(Uint8Array.of(0)),
    head: () => this.#head(),
    safeNumber: () => this.safe,
    blockDiff: async () => undefined,
    finalizedNumber: () => this.finalized,
    miniBlockNumber: () => this.miniBlocks.length,
    openBlock: (): OpenBlock | undefined => this.open,
    latestEnvironment: () => {
      if (this.open !== undefined) return this.open.env;
      const { header } = this.#head();
      return { ...header };
    },
    oldestBlock: async () => this.oldestBlock,
    blockByNumber: async (number) => this.#keptBlocks()[number],
    // JSON-RPC shows no seals.
    sealOf: async () => undefined,
    blockByHash: async (hash) => this.#keptBlocks().find((block) => block !== undefined && bytesEqual(block.hash, hash)),
    transactionByHash: async (hash) => this.#keptTransactions().find(({ transaction }) => bytesEqual(transaction.hash, hash)),
    logs: async (filter) => logsIn(this.#keptTransactions(), filter, this.oldestBlock),
    logPage: async (filter, firstLogIndex) => {
      const sealed = { ...filter, toBlock: Math.min(filter.toBlock, this.#head().header.number) };
      return logPageOf(logsIn(this.#keptTransactions(), sealed, this.oldestBlock), filter.fromBlock, firstLogIndex);
    },
    miniBlock: async (number) => this.miniBlocks[number - 1],
    blockStatus: async (number): Promise<BlockStatus | undefined> => {
      const block = this.#keptBlocks()[number];
      return (
        block && {
          blockNumber: number,
          blockHash: block.hash,
          received: true,
          signatureVerified: true,
          rootVerified: false,
          attestedBy: [LOGGER],
          daCommitment: undefined,
          ...this.statuses.get(number),
        }
      );
    },
    attestations: async (number): Promise<readonly Attestation[]> => (number === 1 ? [fakeAttestation()] : []),
    subscribe: (listener) => {
      this.#listeners.add(listener);
      return () => this.#listeners.delete(listener);
    },
  };

  readonly #transactions: TransactionSink = {
    submit: async (raw, options) => {
      if (this.submitError !== undefined) throw this.submitError;
      const transaction = decodeTransaction(raw);
      const sender = recoverAddress(transaction.signingHash, transaction.signature);
      this.submitted.push(toKey(transaction.hash));
      if (this.pool.has(toKey(transaction.hash))) throw poolError('ALREADY_KNOWN', 'already known');
      const expected = this.#pendingNonce(sender);
      if (transaction.nonce < expected) {
        throw poolError('NONCE_TOO_LOW', `nonce too low: next nonce ${expected}, tx nonce ${transaction.nonce}`);
      }
      if (transaction.nonce > expected && options?.requireReady === true) throw poolError('NONCE_GAP', 'nonce too high');
      this.pool.set(toKey(transaction.hash), { transaction, sender });
      for (const listener of this.#pendingListeners) listener(transaction, sender);
      if (this.includesAtOnce) this.mine();
      return transaction.hash;
    },
    pendingNonce: async (address) => this.#pendingNonce(address),
    subscribePending: (listener) => {
      this.#pendingListeners.add(listener);
      return () => this.#pendingListeners.delete(listener);
    },
    pooledTransaction: async (hash) => this.pool.get(toKey(hash)),
  };

  readonly #node: NodeStatus = {
    role: 'sequencer',
    version: '0.1.0',
    describe: async () => ({ state: 'live' }),
    syncing: async () => this.syncing,
    peerCount: async () => 3,
    peers: async () => [...this.peers],
    equivocations: async () => [{ first: '0x01', second: '0x02' }],
  };
}
