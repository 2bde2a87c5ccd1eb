import { readFileSync } from 'node:fs';
import {
  type BlockEnvironment,
  type BlockHeader,
  hashHeader,
  nextBaseFee,
  prevRandaoOf,
} from '../../src/protocol/block-header.ts';
import { createCompactCodec } from '../../src/protocol/compact-codec.ts';
import { type Genesis, type GenesisFile, genesisHeader, parseGenesis } from '../../src/protocol/genesis.ts';
import { encodeSequencerMessage } from '../../src/protocol/log-record.ts';
import { encodeBody, MINI_BLOCK_VERSION, signMiniBlock } from '../../src/protocol/mini-block.ts';
import type { MiniBlockCommit } from '../../src/protocol/ports/chain.ts';
import type { LogEntry } from '../../src/protocol/ports/log.ts';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import {
  type Address,
  BEACON_ROOTS_CONTRACT,
  EMPTY_CODE_HASH,
  type Hash,
  HISTORY_CONTRACT,
} from '../../src/protocol/primitives.ts';
import { encodeReceipt, type Log, logsBloom, type Receipt } from '../../src/protocol/receipt.ts';
import {
  type BlockSeal,
  blockSealDigest,
  type EpochStart,
  epochStartDigest,
  withSignature,
  witnessDigest,
} from '../../src/protocol/sequencer-messages.ts';
import { decodeStateDiff, type StateDiff, stateDiffDigest } from '../../src/protocol/state-diff.ts';
import { decodeTransaction, effectiveGasPrice, type Transaction } from '../../src/protocol/transaction.ts';
import { indexTrieRoot } from '../../src/state/index-trie.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { StateTrie } from '../../src/state/state-trie.ts';
import { type Bytes, bigIntToBytes32, EMPTY_BYTES, toHex } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from './defined.ts';
import { MapState } from './map-state.ts';
import {
  PRIORITY_FEE_WEI,
  signTransfer,
  type TestAccount,
  type TestTransaction,
  testAccount,
  testSigner,
} from './test-accounts.ts';

/** A mini-block as a role commits it, with its log record. */
export interface BuiltMiniBlock extends MiniBlockCommit {
  readonly diff: StateDiff;
  readonly decoded: readonly Transaction[];
  readonly record: LogEntry;
}

export interface BuiltBlock {
  readonly miniBlocks: readonly BuiltMiniBlock[];
  readonly seal: BlockSeal;
  readonly diff: StateDiff;
  /** Its canonical bytes. */
  readonly diffBytes: Bytes;
  readonly hash: Hash;
  readonly record: LogEntry;
}

export interface ChainBuilderOptions {
  /** Funded accounts; at least one. */
  readonly accounts?: number;
  /** Salt of the genesis file: another one is another chain. */
  readonly name?: string;
  /** Provers that must agree, 1 unless it says otherwise; there are two. */
  readonly threshold?: number;
  readonly gasLimit?: number;
}

const GENESIS_TIMESTAMP = 1_750_000_000;
const HISTORY_WINDOW = 8191;

interface OpenBlock {
  readonly env: BlockEnvironment;
  readonly miniBlocks: BuiltMiniBlock[];
  readonly rawTransactions: Uint8Array[];
  readonly receipts: Receipt[];
  gasUsed: bigint;
}

/**
 * Builds a valid chain in memory: real signatures, digests, roots, base fees and system writes; plain transfers have
 * their true outcome (21,000 gas, base fee burned, tip to the fee recipient). Nothing is executed: logs and gas of
 * other transactions are claims of the caller.
 */
export class ChainBuilder {
  readonly genesisFile: GenesisFile;
  readonly genesis: Genesis;
  readonly genesisHeader: BlockHeader;
  readonly genesisHash: Hash;
  readonly sequencer = testSigner('sequencer');
  readonly provers = [testSigner('prover 0'), testSigner('prover 1')];
  readonly accounts: readonly TestAccount[];
  /** State behind the newest mini-block. */
  readonly state = new MapState();
  readonly blocks: BuiltBlock[] = [];
  readonly #world: WorldState;
  readonly #trie = StateTrie.empty();
  readonly #codec = createCompactCodec(this.state.rows);
  #open: OpenBlock | undefined;
  #epoch = 1;
  #lastNumber = 0;
  #lastDigest: Hash;

  constructor(options: ChainBuilderOptions = {}) {
    this.accounts = Array.from({ length: options.accounts ?? 4 }, (_, i) => testAccount(`${i}`));
    this.genesisFile = testGenesisFile(
      this.accounts,
      this.provers.map((prover) => prover.address),
      options.name ?? 'test',
      options.threshold ?? 1,
    );
    if (options.gasLimit !== undefined) this.genesisFile.gasLimit = options.gasLimit;
    this.genesis = parseGenesis(this.genesisFile);
    this.state.apply(this.genesis.allocation, 0);
    this.#trie.apply(this.genesis.allocation);
    this.#world = new OverlayState(this.state);
    this.genesisHeader = genesisHeader(this.genesis, this.#trie.root());
    this.genesisHash = hashHeader(this.genesisHeader);
    this.#lastDigest = this.genesisHash;
  }

  /** Newest mini-block and its digest: what an epoch start or heartbeat names. */
  get tip(): { readonly number: number; readonly digest: Hash } {
    return { number: this.#lastNumber, digest: this.#lastDigest };
  }

  /** A block that was built, from 1. */
  blockAt(number: number): BuiltBlock {
    return defined(this.blocks[number - 1]);
  }

  /** A transfer from account `i` to account `i + 1`, round and round. */
  transfer(i: number, value = 1n): TestTransaction {
    const at = (index: number): TestAccount => this.accounts[index % this.accounts.length] as TestAccount;
    return { from: at(i), to: at(i + 1).address, value };
  }

  /** Builds a sealed block of `miniBlocks` mini-blocks with `transfers` transfers each. */
  block(miniBlocks = 2, transfers = 2): BuiltBlock {
    for (let m = 0; m < miniBlocks; m++) this.miniBlock(Array.from({ length: transfers }, (_, i) => this.transfer(m + i)));
    return this.seal();
  }

  miniBlock(specs: readonly TestTransaction[] = []): BuiltMiniBlock {
    const isFirst = this.#open === undefined;
    this.#open ??= this.#openBlock();
    const open = this.#open;
    const transactions = specs.map((spec) => this.#include(spec, open));
    const body = {
      transactions: transactions.map(({ transaction, sender }) => ({ raw: transaction.raw, sender })),
      receipts: transactions.map(({ receipt }) => receipt),
    };
    const diff = this.#world.takeDiff();
    const position = { number: this.#lastNumber + 1, parentDigest: this.#lastDigest };
    const diffPayload = this.#codec.encode(this.#codec.resolve(diff), position);
    this.state.apply(diff, position.number);
    this.#world.release();
    const { payload, transactionsDigest, receiptsDigest } = encodeBody(body);
    const { envelope, digest } = signMiniBlock(
      {
        version: MINI_BLOCK_VERSION,
        genesisHash: this.genesisHash,
        chainId: this.genesis.chainId,
        epoch: this.#epoch,
        ...position,
        blockNumber: open.env.number,
        index: open.miniBlocks.length,
        timestampUs: open.env.timestamp * 1_000_000 + open.miniBlocks.length * 10_000,
        env: isFirst ? open.env : undefined,
        transactionsDigest,
        receiptsDigest,
        stateDiffDigest: stateDiffDigest(diff),
        diffPayloadDigest: keccak256(diffPayload),
        bodyPayloadDigest: keccak256(payload),
      },
      this.sequencer,
    );
    const miniBlock = { envelope, digest, diffPayload, bodyPayload: payload };
    const record = { number: envelope.number, bytes: encodeSequencerMessage({ kind: 'miniBlock', miniBlock }) };
    const decoded = transactions.map(({ transaction }) => transaction);
    const built: BuiltMiniBlock = { miniBlock, env: open.env, diff, body, decoded, record };
    open.miniBlocks.push(built);
    this.#lastNumber = envelope.number;
    this.#lastDigest = digest;
    return built;
  }

  /** Seals the open block; opens one with an empty mini-block when there is none. */
  seal(): BuiltBlock {
    if (this.#open === undefined) this.miniBlock();
    const open = this.#open as OpenBlock;
    const first = defined(open.miniBlocks[0]).miniBlock.envelope.number;
    const diffBytes = defined(this.state.netDiff(first - 1, this.#lastNumber));
    const diff = decodeStateDiff(diffBytes);
    this.#trie.apply(diff);
    const header: BlockHeader = {
      ...open.env,
      stateRoot: this.#trie.root(),
      transactionsRoot: indexTrieRoot(open.rawTransactions),
      receiptsRoot: indexTrieRoot(open.receipts.map(encodeReceipt)),
      logsBloom: logsBloom(open.receipts.flatMap((receipt) => receipt.logs)),
      gasUsed: open.gasUsed,
      extraData: EMPTY_BYTES,
    };
    const unsigned = {
      genesisHash: this.genesisHash,
      epoch: this.#epoch,
      header,
      firstNumber: first,
      lastNumber: this.#lastNumber,
      lastDigest: this.#lastDigest,
      stateDiffDigest: keccak256(diffBytes),
      registryDigest: this.state.mark().digest,
      witnessDigest: witnessDigest([keccak256(EMPTY_BYTES)]),
      witnessBytes: 0,
    };
    const seal = withSignature(unsigned, blockSealDigest(unsigned), this.sequencer);
    const record = { number: seal.lastNumber, bytes: encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal }) };
    const block = { miniBlocks: open.miniBlocks, seal, diff, diffBytes, hash: hashHeader(header), record };
    this.blocks.push(block);
    this.#open = undefined;
    return block;
  }

  /** Opens the next epoch behind the newest mini-block. */
  startEpoch(): { readonly epochStart: EpochStart; readonly record: LogEntry } {
    this.#epoch++;
    const unsigned = {
      genesisHash: this.genesisHash,
      epoch: this.#epoch,
      lastNumber: this.#lastNumber,
      lastDigest: this.#lastDigest,
      sequencerKey: this.sequencer.address,
    };
    const epochStart = withSignature(unsigned, epochStartDigest(unsigned), this.sequencer);
    return {
      epochStart,
      record: { number: this.#lastNumber, bytes: encodeSequencerMessage({ kind: 'epochStart', epochStart }) },
    };
  }

  #openBlock(): OpenBlock {
    const parent = this.blocks.at(-1)?.seal.header ?? this.genesisHeader;
    const parentHash = this.blocks.at(-1)?.hash ?? this.genesisHash;
    const number = parent.number + 1;
    const timestamp = parent.timestamp + 1;
    this.#world.setStorage(HISTORY_CONTRACT, bigIntToBytes32(BigInt((number - 1) % HISTORY_WINDOW)), parentHash);
    const timestampSlot = bigIntToBytes32(BigInt(timestamp % HISTORY_WINDOW));
    this.#world.setStorage(BEACON_ROOTS_CONTRACT, timestampSlot, bigIntToBytes32(BigInt(timestamp)));
    const env: BlockEnvironment = {
      number,
      parentHash,
      timestamp,
      baseFeePerGas: nextBaseFee(parent, this.genesis.baseFeeFloorWei),
      gasLimit: parent.gasLimit,
      coinbase: this.genesis.feeRecipient,
      prevRandao: prevRandaoOf(parentHash, number),
    };
    return { env, miniBlocks: [], rawTransactions: [], receipts: [], gasUsed: 0n };
  }

  #include(spec: TestTransaction, open: OpenBlock): { transaction: Transaction; sender: Address; receipt: Receipt } {
    const sender = spec.from.address;
    const { baseFeePerGas, coinbase } = open.env;
    const nonce = this.#world.getAccount(sender)?.nonce ?? 0n;
    const raw = signTransfer(spec, nonce, this.genesis.chainId, baseFeePerGas * 2n + PRIORITY_FEE_WEI);
    const transaction = decodeTransaction(raw);
    const gasUsed = spec.gasUsed ?? 21_000n;
    const price = effectiveGasPrice(transaction, baseFeePerGas);
    this.#change(sender, -(transaction.value + gasUsed * price), 1n);
    if (spec.to !== null) this.#change(spec.to, transaction.value, 0n);
    this.#change(coinbase, gasUsed * (price - baseFeePerGas), 0n);
    open.gasUsed += gasUsed;
    const logs: readonly Log[] = spec.logs ?? [];
    const receipt: Receipt = { type: 2, status: 1, cumulativeGasUsed: open.gasUsed, logs };
    open.rawTransactions.push(raw);
    open.receipts.push(receipt);
    return { transaction, sender, receipt };
  }

  #change(address: Address, balance: bigint, nonce: bigint): void {
    const account = this.#world.getAccount(address) ?? { nonce: 0n, balance: 0n, codeHash: EMPTY_CODE_HASH };
    this.#world.setAccount(address, { ...account, balance: account.balance + balance, nonce: account.nonce + nonce });
  }
}

interface Predeploy {
  readonly address: string;
  readonly code: string;
  readonly nonce: number;
}

function testGenesisFile(
  accounts: readonly TestAccount[],
  provers: readonly Address[],
  name: string,
  threshold: number,
): GenesisFile {
  const path = new URL('../../config/predeploys.json', import.meta.url);
  const predeploys = Object.values(JSON.parse(readFileSync(path, 'utf8')) as Record<string, Predeploy>);
  const alloc: GenesisFile['alloc'] = {};
  for (const { address, code, nonce } of predeploys) alloc[address] = { nonce, code };
  for (const account of accounts) alloc[toHex(account.address)] = { balance: '1000000000000000000000' };
  return {
    config: { chainId: 4242, name },
    timestamp: GENESIS_TIMESTAMP,
    gasLimit: 100_000_000,
    baseFeePerGas: 1_000_000_000,
    alloc,
    strobe: {
      sequencerKeys: [toHex(testAccount('sequencer').address)],
      operatorKey: toHex(testAccount('operator').address),
      provers: provers.map(toHex),
      threshold,
      feeRecipient: toHex(testAccount('fee recipient').address),
      baseFeeFloorWei: 1_000_000,
      blockIntervalMs: 1000,
      miniBlockIntervalMs: 10,
      limits: { maxTransactionGas: 16_777_216, maxUnattestedBlocks: 3600 },
      forks: { prague: 0 },
    },
  };
}
