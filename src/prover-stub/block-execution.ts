import { type Block, createBlock } from '@ethereumjs/block';
import type { EVMMockBlockchainInterface } from '@ethereumjs/evm';
import { createTxFromRLP, type TypedTransaction } from '@ethereumjs/tx';
import { EthereumJSError, Address as LibraryAddress } from '@ethereumjs/util';
import { createVM, encodeReceipt, runTx, type VM } from '@ethereumjs/vm';
import type { BlockEnvironment } from '../protocol/block-header.ts';
import type { BodyTransaction } from '../protocol/mini-block.ts';
import { BEACON_ROOTS_CONTRACT, type Hash, HISTORY_CONTRACT, ZERO_HASH } from '../protocol/primitives.ts';
import { BLOOM_BYTES, mergeBloom } from '../protocol/receipt.ts';
import { type Bytes, bigIntToBytes32, bytesEqual, toHex } from '../util/bytes.ts';
import { errorMessage, StrobeError } from '../util/errors.ts';
import { createReexecutionCommon } from './reexecution-common.ts';
import type { WitnessDatabase } from './witness-database.ts';
import { WitnessStateManager } from './witness-state-manager.ts';

/** Transaction types of this chain; blobs (3) are not part of it. */
const TRANSACTION_TYPES: readonly number[] = [0, 1, 2, 4];
/** Ring sizes of EIP-2935 (HISTORY_SERVE_WINDOW) and EIP-4788 (HISTORY_BUFFER_LENGTH). */
const HISTORY_SERVE_WINDOW = 8191;
const BEACON_ROOTS_LENGTH = 8191;

/** What one mini-block's transactions gave. */
export interface ExecutedTransactions {
  readonly raw: readonly Bytes[];
  /** Consensus encodings. */
  readonly receipts: readonly Bytes[];
  readonly bloom: Bytes;
  /** In the block up to and with these. */
  readonly gasUsed: bigint;
  /** Claims that are wrong without stopping execution. */
  readonly reasons: readonly string[];
}

/** Runs the transactions of one block with the library's VM on the state of a witness. */
export class BlockExecution {
  readonly state: WitnessStateManager;
  readonly #vm: VM;
  readonly #block: Block;
  readonly #env: BlockEnvironment;

  private constructor(state: WitnessStateManager, vm: VM, env: BlockEnvironment) {
    this.state = state;
    this.#vm = vm;
    this.#env = env;
    this.#block = createVmBlock(env, vm);
  }

  /** @param ancestors hashes of earlier blocks for BLOCKHASH; one that is missing ends the proof */
  static async create(
    chainId: number,
    env: BlockEnvironment,
    preStateRoot: Hash,
    ancestors: ReadonlyMap<number, Hash>,
    database: WitnessDatabase,
  ): Promise<BlockExecution> {
    const common = createReexecutionCommon(chainId);
    const stateManager = new WitnessStateManager(preStateRoot, database, common);
    const blockchain = new AncestorHashes(ancestors, database);
    const vm = await createVM({ common, stateManager, blockchain });
    await stateManager.beginBlock();
    return new BlockExecution(stateManager, vm, env);
  }

  /** The writes of the system calls at the start of a block: parent hash (EIP-2935), zero beacon root (EIP-4788). */
  async runSystemCalls(): Promise<void> {
    const { number, timestamp, parentHash } = this.#env;
    const index = timestamp % BEACON_ROOTS_LENGTH;
    const roots = new LibraryAddress(BEACON_ROOTS_CONTRACT);
    await this.state.putStorage(roots, slot(index), slot(timestamp));
    await this.state.putStorage(roots, slot(index + BEACON_ROOTS_LENGTH), ZERO_HASH);
    await this.state.putStorage(new LibraryAddress(HISTORY_CONTRACT), slot((number - 1) % HISTORY_SERVE_WINDOW), parentHash);
    this.state.originalStorageCache.clear();
  }

  /**
   * Runs transactions in order.
   * @throws StrobeError NOT_EXECUTABLE when one may not be in this block at all
   */
  async run(transactions: readonly BodyTransaction[], gasUsedBefore: bigint): Promise<ExecutedTransactions> {
    const receipts: Bytes[] = [];
    const reasons: string[] = [];
    const bloom = new Uint8Array(BLOOM_BYTES);
    let gasUsed = gasUsedBefore;
    for (const [position, { raw, sender }] of transactions.entries()) {
      const tx = this.#decode(raw, position);
      if (gasUsed + tx.gasLimit > this.#env.gasLimit)
        throw notExecutable(position, 'its gas limit is above what the block has left');
      const recovered = orNotExecutable(position, () => tx.getSenderAddress().bytes);
      if (!bytesEqual(recovered, sender)) {
        reasons.push(`transaction ${position}: the sender is ${toHex(recovered)}, not ${toHex(sender)}`);
      }
      const { receipt } = await this.#runOne(tx, gasUsed, position);
      gasUsed = receipt.cumulativeBlockGasUsed;
      mergeBloom(bloom, receipt.bitvector);
      receipts.push(encodeReceipt(receipt, tx.type));
    }
    return { raw: transactions.map(({ raw }) => raw), receipts, bloom, gasUsed, reasons };
  }

  #decode(raw: Bytes, position: number): TypedTransaction {
    // A legacy transaction starts with the prefix of an RLP list.
    const type = (raw[0] ?? 0) >= 0xc0 ? 0 : (raw[0] ?? 0);
    if (!TRANSACTION_TYPES.includes(type)) throw notExecutable(position, 'its type is not supported');
    const tx = orNotExecutable(position, () => createTxFromRLP(raw, { common: this.#vm.common }));
    if (!bytesEqual(tx.serialize(), raw)) throw notExecutable(position, 'its encoding is not canonical');
    return tx;
  }

  async #runOne(tx: TypedTransaction, blockGasUsed: bigint, position: number) {
    try {
      return await runTx(this.#vm, { tx, block: this.#block, blockGasUsed });
    } catch (error) {
      throw asNotExecutable(position, error);
    }
  }
}

/** A proof is over when a header that BLOCKHASH asks for is missing: a zero hash would be another execution. */
class AncestorHashes implements EVMMockBlockchainInterface {
  readonly #hashes: ReadonlyMap<number, Hash>;
  readonly #database: WitnessDatabase;

  constructor(hashes: ReadonlyMap<number, Hash>, database: WitnessDatabase) {
    this.#hashes = hashes;
    this.#database = database;
  }

  async getBlock(number: number): Promise<{ hash(): Hash }> {
    const hash = this.#hashes.get(number);
    if (hash === undefined) throw this.#database.missing('header', String(number));
    return { hash: () => hash };
  }

  async putBlock(): Promise<void> {
    // Headers come with the witness.
  }

  shallowCopy(): EVMMockBlockchainInterface {
    return this;
  }
}

function createVmBlock(env: BlockEnvironment, { common }: VM): Block {
  const header = {
    parentHash: env.parentHash,
    number: env.number,
    timestamp: env.timestamp,
    gasLimit: env.gasLimit,
    baseFeePerGas: env.baseFeePerGas,
    coinbase: env.coinbase,
    mixHash: env.prevRandao,
    blobGasUsed: 0n,
    excessBlobGas: 0n,
    parentBeaconBlockRoot: ZERO_HASH,
  };
  return createBlock({ header }, { common });
}

function slot(value: number): Bytes {
  return bigIntToBytes32(BigInt(value));
}

function orNotExecutable<Result>(position: number, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw asNotExecutable(position, error);
  }
}

/** The library's own errors say that a transaction is not valid here; anything else is a failure of this program. */
function asNotExecutable(position: number, error: unknown): unknown {
  return error instanceof EthereumJSError ? notExecutable(position, errorMessage(error)) : error;
}

/** Longest part of the library's message that goes into a reason; it repeats whole transactions. */
const MAX_MESSAGE_LENGTH = 200;

function notExecutable(position: number, message: string): StrobeError<'NOT_EXECUTABLE'> {
  return new StrobeError('NOT_EXECUTABLE', `transaction ${position}: ${message.slice(0, MAX_MESSAGE_LENGTH)}`, { position });
}
