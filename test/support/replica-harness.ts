import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { BlockReexecutor } from '../../src/fullnode/block-reexecutor.ts';
import { FileEvidenceStore } from '../../src/fullnode/evidence/evidence-store.ts';
import { FullNode } from '../../src/fullnode/full-node.ts';
import { createFullNodeMetrics } from '../../src/fullnode/full-node-metrics.ts';
import type { FullNodeLimits, FullNodeLogger, WitnessVerifier } from '../../src/fullnode/full-node-options.ts';
import type { SnapshotSyncModules } from '../../src/fullnode/snapshot-sync/snapshot-sync-types.ts';
import { createMetrics, type Metrics } from '../../src/observability/metrics.ts';
import { isAttestationRecord } from '../../src/protocol/attestation-record.ts';
import { createCompactCodec } from '../../src/protocol/compact-codec.ts';
import type { DiffCodec } from '../../src/protocol/diff-codec.ts';
import type { Genesis } from '../../src/protocol/genesis.ts';
import { decodeLogRecord, recordNumber } from '../../src/protocol/log-record.ts';
import type { LogEntry, MiniBlockLog } from '../../src/protocol/ports/log.ts';
import type { AnswerFault, Gossip, MessageValidator, PeerHead, PeerReader, Topic } from '../../src/protocol/ports/network.ts';
import type { ResumeOrder } from '../../src/protocol/resume-order.ts';
import type { StateRows } from '../../src/protocol/row-diff.ts';
import type { Verdict } from '../../src/protocol/verdict.ts';
import { ChainState } from '../../src/state/chain-state.ts';
import { verifyRootTransition } from '../../src/state/witness/witness-check.ts';
import type { ChainStore } from '../../src/store/chain-store.ts';
import { openChainStore } from '../../src/store/open-chain-store.ts';
import type { Bytes } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { MapState } from './map-state.ts';
import { inlineNetDiffs } from './net-diffs.ts';
import type { ReplicaFixture } from './replica-fixture.ts';
import { waitFor } from './wait-for.ts';

/** The log's contract in memory; it outlives a restart of the node. */
export class MemoryLog implements MiniBlockLog {
  entries: LogEntry[] = [];
  appends = 0;
  #generation = 0;

  async append(entries: readonly LogEntry[]): Promise<void> {
    this.appends++;
    this.entries.push(...entries);
  }

  async *read(from: number): AsyncIterable<LogEntry> {
    const generation = this.#generation;
    const start = this.entries.findIndex((entry) => entry.number >= from);
    for (let i = start; i >= 0 && i < this.entries.length; i++) {
      if (generation !== this.#generation) throw new StrobeError('LOG_CHANGED', 'the log was truncated');
      yield this.entries[i] as LogEntry;
    }
  }

  async truncateAfter(number: number): Promise<void> {
    this.#generation++;
    this.entries = this.entries.filter((entry) => entry.number <= number);
  }

  firstNumber(): number | undefined {
    return this.entries[0]?.number;
  }

  lastNumber(): number {
    return this.entries.findLast((entry) => entry.bytes[0] === 1)?.number ?? 0;
  }
}

class FakeGossip implements Gossip {
  readonly #topics = new Map<Topic, { validator: MessageValidator; handler: (message: Bytes, peer: string) => void }>();

  publish(): void {}

  subscribe(topic: Topic, validator: MessageValidator, handler: (message: Bytes, peer: string) => void): void {
    this.#topics.set(topic, { validator, handler });
  }

  /** What a node does with a message from the wire; each delivery is a copy of its own. */
  deliver(topic: Topic, bytes: Bytes): Verdict {
    const subscription = this.#topics.get(topic);
    if (subscription === undefined) throw new StrobeError('NOT_SUBSCRIBED', topic);
    const message = new Uint8Array(bytes);
    const verdict = subscription.validator(message);
    if (verdict.kind === 'accept') subscription.handler(message, 'peer');
    return verdict;
  }
}

/** Peers that serve `records`, or nothing while it is undefined. */
class FakePeers implements PeerReader {
  records: readonly Bytes[] | undefined;
  witnesses = new Map<number, Bytes>();
  requests: number[] = [];
  witnessRequests: number[] = [];
  knownHeads: PeerHead[] = [];
  readonly refused: AnswerFault[] = [];

  async heads(): Promise<readonly PeerHead[]> {
    return this.knownHeads;
  }

  async *range(from: number, limit: number): AsyncIterable<Bytes> {
    this.requests.push(from);
    if (this.records === undefined) throw new StrobeError('NO_PEER_HAS_RANGE', 'no peer');
    let miniBlocks = 0;
    let started = false;
    for (const record of [...this.records]) {
      if (!isAttestationRecord(record)) started ||= numberOf(record) >= from;
      if (!started) continue;
      if (record[0] === 1 && miniBlocks++ === limit) return;
      yield record;
    }
  }

  refuse(_answer: object, fault: AnswerFault): void {
    this.refused.push(fault);
  }

  async witness(blockNumber: number): Promise<Bytes> {
    this.witnessRequests.push(blockNumber);
    const witness = this.witnesses.get(blockNumber);
    if (witness === undefined) throw new StrobeError('NO_PEER_HAS_WITNESS', 'no peer');
    return witness;
  }
}

function numberOf(record: Bytes): number {
  try {
    return recordNumber(decodeLogRecord(record));
  } catch {
    // A record that a test damaged stands where it stands.
    return 0;
  }
}

export interface HarnessOptions extends Partial<FullNodeLimits> {
  readonly genesis?: Partial<Genesis>;
  /** The codec beside the node's state; the real one unless given. */
  readonly codecOf?: (rows: StateRows) => DiffCodec;
  readonly verifyWitness?: WitnessVerifier;
  readonly reexecute?: BlockReexecutor;
  readonly resume?: ResumeOrder;
  /** Snapshots at peers. */
  readonly snapshots?: SnapshotSyncModules;
  /** Is told when the node wants to be wired anew. */
  readonly beginAnew?: () => void;
}

const silent: FullNodeLogger = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
const QUICK: Partial<FullNodeLimits> = {
  gapGraceMs: 5,
  backoffMinMs: 2,
  backoffMaxMs: 10,
  witnessGraceMs: 5,
  attestationGraceMs: 10,
};

/** A replica on a real store and state, with log, gossip and peers in memory. */
export class ReplicaHarness {
  readonly fixture: ReplicaFixture;
  readonly directory: string;
  readonly options: HarnessOptions;
  readonly log: MemoryLog;
  readonly gossip = new FakeGossip();
  readonly peers = new FakePeers();
  readonly clock = { us: 0, nowUs: (): number => this.clock.us };
  readonly metrics: Metrics = createMetrics();
  node!: FullNode;
  store!: ChainStore;
  state!: MapState;
  evidence!: FileEvidenceStore;

  private constructor(fixture: ReplicaFixture, options: HarnessOptions, directory: string, log: MemoryLog) {
    this.fixture = fixture;
    this.options = options;
    this.directory = directory;
    this.log = log;
    this.clock.us = fixture.nowUs();
  }

  /** A started replica with no peers. */
  static async start(fixture: ReplicaFixture, options: HarnessOptions = {}, log = new MemoryLog()): Promise<ReplicaHarness> {
    const harness = new ReplicaHarness(fixture, options, mkdtempSync(join(tmpdir(), 'strobe-replica-')), log);
    await harness.#open();
    return harness;
  }

  /** The same node after a stop, on its directory and log. */
  async restart(changes: HarnessOptions = {}): Promise<ReplicaHarness> {
    await this.node.stop();
    await this.store.close();
    const harness = new ReplicaHarness(this.fixture, { ...this.options, ...changes }, this.directory, this.log);
    try {
      await harness.#open();
    } catch (error) {
      // The directory is free for another try.
      await harness.store.close();
      throw error;
    }
    return harness;
  }

  async #open(): Promise<void> {
    const { fixture, options, log, clock } = this;
    const { identity, builder } = fixture;
    const genesis = { ...fixture.genesis, ...options.genesis };
    const chainId = genesis.chainId;
    const storeOptions = {
      directory: join(this.directory, 'chain'),
      chainId,
      genesisHeader: builder.genesisHeader,
    };
    this.store = await openChainStore(storeOptions, { log, logger: silent });
    this.state = new MapState();
    this.state.apply(genesis.allocation, 0);
    const start = { epoch: 0, number: 0, digest: builder.genesisHash, timestampUs: 0, blockNumber: 0, open: undefined };
    const chainState = new ChainState(start, {}, { state: this.state, chain: this.store });
    this.evidence = await FileEvidenceStore.open(join(this.directory, 'evidence'));
    this.node = new FullNode(
      { ...QUICK, ...options, identity, genesis },
      {
        chainState,
        chain: this.store,
        log,
        codec: (options.codecOf ?? createCompactCodec)(this.state.rows),
        netDiffs: inlineNetDiffs(this.state),
        gossip: this.gossip,
        peers: this.peers,
        verifyWitness: options.verifyWitness ?? verifyRootTransition,
        ...(options.reexecute === undefined ? {} : { reexecute: options.reexecute }),
        ...(options.snapshots === undefined ? {} : { snapshots: options.snapshots }),
        ...(options.beginAnew === undefined ? {} : { beginAnew: options.beginAnew }),
        evidence: this.evidence,
        logger: silent,
        metrics: createFullNodeMetrics(this.metrics),
        clock,
      },
    );
    await this.node.start();
  }

  async stop(): Promise<void> {
    await this.node.stop();
    await this.store.close();
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** Delivers sequencer messages on the topics that they travel on. */
  deliver(...messages: readonly Bytes[]): Verdict[] {
    this.clock.us = this.fixture.nowUs();
    return messages.map((bytes) => this.gossip.deliver(bytes[0] === 3 ? 'seals' : 'mini-blocks', bytes));
  }

  attest(...messages: readonly Bytes[]): Verdict[] {
    return messages.map((bytes) => this.gossip.deliver('attestations', bytes));
  }

  chunks(...messages: readonly Bytes[]): Verdict[] {
    return messages.map((bytes) => this.gossip.deliver('witnesses', bytes));
  }

  /** Everything that the fixture published so far, by gossip. */
  deliverAll(): void {
    for (const bytes of this.fixture.records) {
      if (isAttestationRecord(bytes)) this.attest(bytes.subarray(1));
      else this.deliver(bytes);
    }
    for (const block of this.fixture.blocks) this.chunks(...block.witnessChunks);
  }

  miniBlockIs(number: number): Promise<unknown> {
    return waitFor(() => this.node.status().miniBlock === number, { what: `mini-block ${number}` });
  }

  blockIs(number: number): Promise<unknown> {
    return waitFor(() => this.node.status().block === number, { what: `block ${number}` });
  }

  safeIs(number: number): Promise<unknown> {
    return waitFor(() => this.store.safeNumber() === number, { what: `safe block ${number}` });
  }

  /** Waits for the halt to be complete, and says its rule. */
  async halted(): Promise<string | undefined> {
    await waitFor(() => this.evidence.halted(), { what: 'halted' });
    // The halt's undo is still under way; the queue is free again behind it.
    await waitFor(() => this.node.status().waiting === 0);
    return this.evidence.halted()?.rule;
  }
}
