import type { BlockEnvironment } from '../../src/protocol/block-header.ts';
import { createCompactCodec } from '../../src/protocol/compact-codec.ts';
import { chainIdentity } from '../../src/protocol/genesis.ts';
import { decodeSequencerMessage, type SequencerMessage } from '../../src/protocol/log-record.ts';
import type { ExecutionEngine, ExecutionOutcome, SignedTransaction } from '../../src/protocol/ports/execution.ts';
import type { LogEntry, MiniBlockLog } from '../../src/protocol/ports/log.ts';
import type { Gossip, Topic } from '../../src/protocol/ports/network.ts';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import { encodeStateDiff } from '../../src/protocol/state-diff.ts';
import { decodeTransaction, type Transaction } from '../../src/protocol/transaction.ts';
import { Mempool } from '../../src/sequencer/mempool.ts';
import type { SequencerModules } from '../../src/sequencer/sequencer-modules.ts';
import { ChainState } from '../../src/state/chain-state.ts';
import { OverlayState } from '../../src/state/overlay-state.ts';
import { createInlineRoots } from '../../src/state/roots-host.ts';
import { type Bytes, toKey } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { ChainBuilder } from './chain-builder.ts';
import { defined } from './defined.ts';
import { MapState } from './map-state.ts';
import { MemoryChain } from './memory-chain.ts';
import { signTransfer, testSigner } from './test-accounts.ts';

/** A log in memory that says when it was written to, and fails when told. */
class MemoryLog implements MiniBlockLog {
  readonly entries: LogEntry[] = [];
  failure: StrobeError | undefined;
  /** Appends wait for this: an open one is a log that stands still. */
  gate: Promise<void> = Promise.resolve();
  readonly #note: (event: string) => void;

  constructor(note: (event: string) => void) {
    this.#note = note;
  }

  async append(entries: readonly LogEntry[]): Promise<void> {
    for (const { bytes } of entries) this.#note(`log.append ${decodeSequencerMessage(bytes).kind}`);
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    this.entries.push(...entries);
    for (const { bytes } of entries) this.#note(`log.synced ${decodeSequencerMessage(bytes).kind}`);
  }

  async *read(from: number): AsyncGenerator<LogEntry> {
    for (const entry of this.entries) if (entry.number >= from) yield entry;
  }

  async truncateAfter(): Promise<void> {
    throw new StrobeError('NOT_IN_TEST', 'a sequencer does not truncate its log');
  }

  firstNumber(): number | undefined {
    return this.entries[0]?.number;
  }

  lastNumber(): number {
    return this.entries.at(-1)?.number ?? 0;
  }
}

/** Moves nonces and money like transfers, unless a transaction is told to end otherwise. */
class ScriptedEngine implements ExecutionEngine {
  readonly outcomes = new Map<string, ExecutionOutcome>();
  readonly blocks: BlockEnvironment[] = [];
  /** Called before each transaction: a test's clock may move here. */
  onExecute: (transaction: Transaction) => void = () => {};
  readonly #world: WorldState;
  #gasUsed = 0n;

  constructor(world: WorldState) {
    this.#world = world;
  }

  async beginBlock(env: BlockEnvironment, resumeGasUsed?: bigint): Promise<void> {
    this.blocks.push(env);
    this.#gasUsed = resumeGasUsed ?? 0n;
  }

  async execute({ transaction, sender }: SignedTransaction): Promise<ExecutionOutcome> {
    this.onExecute(transaction);
    const scripted = this.outcomes.get(toKey(transaction.hash));
    if (scripted?.kind === 'rejected') return scripted;
    const account = defined(this.#world.getAccount(sender));
    const gasUsed = scripted?.gasUsed ?? 21_000n;
    this.#gasUsed += gasUsed;
    this.#world.setAccount(sender, { ...account, nonce: account.nonce + 1n, balance: account.balance - transaction.value });
    const logs = scripted?.receipt.logs ?? [];
    return { kind: 'included', gasUsed, receipt: { type: 2, status: 1, cumulativeGasUsed: this.#gasUsed, logs } };
  }
}

export interface SequencerKitOptions {
  readonly clock: { nowMs(): number };
  /** The clock that no one sets back, when it is another one. */
  readonly elapsed?: { nowMs(): number };
  readonly ordering?: 'fifo' | 'fee';
  /** Gas limit of a block. */
  readonly gasLimit?: bigint;
}

/** Everything a sequencer works with, in memory; `events` has what it did to the outside in order. */
export type SequencerKit = Awaited<ReturnType<typeof createSequencerKit>>;

export async function createSequencerKit(options: SequencerKitOptions) {
  const { clock, ordering = 'fifo', gasLimit } = options;
  const builder = new ChainBuilder({ accounts: 6 });
  const genesis = { ...builder.genesis, gasLimit: gasLimit ?? builder.genesis.gasLimit };
  const events: string[] = [];
  const note = (event: string): void => {
    events.push(event);
  };
  const state = new MapState();
  state.apply(genesis.allocation, 0);
  const world = new OverlayState(state);
  const chain = new MemoryChain({ ...builder.genesisHeader, gasLimit: genesis.gasLimit });
  chain.onWrite = note;
  const roots = createInlineRoots();
  roots.load(encodeStateDiff(genesis.allocation));
  const identity = chainIdentity(genesis, await roots.ready());
  const start = { epoch: 0, number: 0, digest: identity.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
  const chainState = new ChainState(start, {}, { state, chain: chain.port });
  const log = new MemoryLog(note);
  const gossiped: { readonly topic: Topic; readonly message: Bytes }[] = [];
  const gossip: Gossip = {
    publish: (topic, message) => {
      note(`gossip.publish ${topic}`);
      gossiped.push({ topic, message });
    },
    subscribe: () => {},
  };
  const witnesses = new Map<number, Bytes>();
  const rules = {
    chainId: genesis.chainId,
    maxTransactionGas: genesis.maxTransactionGas,
    baseFeeFloorWei: genesis.baseFeeFloorWei,
  };
  const limits = { maxTransactions: 10_000, maxPerSender: 5_000, lifetimeMs: 3_600_000, ordering };
  const mempool = new Mempool({ ...rules, ...limits }, { state: world, nowMs: () => clock.nowMs() });
  const engine = new ScriptedEngine(world);
  const samples: { readonly kind: string; readonly number: number; readonly transactions?: number }[] = [];
  const rejected: string[] = [];
  const modules = {
    signer: testSigner('sequencer'),
    engine,
    world,
    committed: state,
    mempool,
    roots,
    chainState,
    chain: chain.port,
    log,
    codec: createCompactCodec(state.rows),
    gossip,
    witnesses: {
      put: async (blockNumber: number, witness: Bytes) => {
        note('witnesses.put');
        witnesses.set(blockNumber, witness);
      },
    },
    recentHeaders: { takeAncestors: () => [], add: () => {} },
    clock: { nowMs: () => clock.nowMs(), elapsedMs: () => (options.elapsed ?? clock).nowMs() },
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    metrics: {
      recordMiniBlock: ({ number, transactions }) => samples.push({ kind: 'miniBlock', number, transactions }),
      recordBlockSealed: ({ number }) => samples.push({ kind: 'block', number }),
      recordRejected: (code) => rejected.push(code),
      recordAttestation: () => {},
    },
  } satisfies SequencerModules;
  const nonces = new Map<number, bigint>();
  return {
    builder,
    options: { genesis, identity, miniBlockIntervalMs: 10 },
    modules,
    state,
    chain,
    log,
    engine,
    mempool,
    events,
    gossiped,
    witnesses,
    samples,
    rejected,
    /** A signed transfer of account `i` with its next nonce. */
    transfer(i: number, fields: { readonly gasUsed?: bigint; readonly maxFeePerGas?: bigint } = {}): Transaction {
      const nonce = nonces.get(i) ?? 0n;
      nonces.set(i, nonce + 1n);
      const spec = {
        from: defined(builder.accounts[i]),
        to: defined(builder.accounts[(i + 1) % 6]).address,
        ...(fields.gasUsed && { gasUsed: fields.gasUsed }),
      };
      return decodeTransaction(signTransfer(spec, nonce, genesis.chainId, fields.maxFeePerGas ?? 10_000_000_000n));
    },
    /** Puts a transfer into the pool. */
    pool(i: number, fields: { readonly gasUsed?: bigint; readonly maxFeePerGas?: bigint } = {}): Transaction {
      const transaction = this.transfer(i, fields);
      mempool.add(transaction, defined(builder.accounts[i]).address);
      return transaction;
    },
    /** Messages of one kind in the order in which they were gossiped. */
    messages<Kind extends SequencerMessage['kind']>(kind: Kind): Extract<SequencerMessage, { kind: Kind }>[] {
      return gossiped
        .filter(({ topic }) => topic === 'mini-blocks' || topic === 'seals')
        .map(({ message }) => decodeSequencerMessage(message))
        .filter((message): message is Extract<SequencerMessage, { kind: Kind }> => message.kind === kind);
    },
  };
}
