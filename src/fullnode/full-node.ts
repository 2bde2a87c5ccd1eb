import type { PeerHead } from '../protocol/ports/network.ts';
import type { Address } from '../protocol/primitives.ts';
import type { ResumeOrder } from '../protocol/resume-order.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import type { ReplayResult } from '../state/replay-log.ts';
import { type Bytes, type Hex, toHex } from '../util/bytes.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { AttestationBoard } from './attestation-board.ts';
import { AttestationSync } from './attestation-sync.ts';
import { BlockDiffs } from './block-diffs.ts';
import { EquivocationDetector } from './equivocation-detector.ts';
import { EvidenceCollector } from './evidence/evidence-collector.ts';
import { ProverEvidence } from './evidence/prover-evidence.ts';
import { WitnessCompletion } from './evidence/witness-completion.ts';
import { DEFAULT_LIMITS, type FullNodeLimits, type FullNodeModules, type FullNodeOptions } from './full-node-options.ts';
import type { FullNodeStatus } from './full-node-status.ts';
import { GapWatch } from './gap-watch.ts';
import { GossipIntake } from './gossip-intake.ts';
import { HaltSwitch } from './halt-switch.ts';
import { LiveFeed } from './live-feed.ts';
import { RangeApplier } from './range-applier.ts';
import { RangeSync, type SyncPosition } from './range-sync.ts';
import { RecordApplier } from './record-applier.ts';
import { ReexecutionSampler } from './reexecution-sampler.ts';
import { ReplicaChain } from './replica-chain.ts';
import { type Readiness, ReplicaStatus } from './replica-status.ts';
import { RootVerifier } from './root-verifier.ts';
import { type SealedBlock, SealedBlocks } from './sealed-blocks.ts';
import { leadsOn } from './snapshot-sync/leads-on.ts';
import { SnapshotJoin } from './snapshot-sync/snapshot-join.ts';
import { VerificationLadder } from './verification-ladder.ts';
import { WitnessAssembler } from './witness-assembler.ts';
import { WorkQueue } from './work-queue.ts';

/** Work that waits for its turn: drains queue once, so this bounds epoch starts and attestations. */
const MAX_PENDING_WORK = 4_096;

/**
 * A replica: follows the sequencer's signed mini-blocks without executing them, checks every block's contents, root
 * and attestations, fetches what gossip missed, and stops for good when the sequencer's own signature proves it wrong
 * (PROTOCOL sections 5 to 7). Everything that changes the chain runs in one work queue.
 */
export class FullNode {
  readonly #modules: FullNodeModules;
  readonly #limits: FullNodeLimits;
  readonly #work = new WorkQueue(MAX_PENDING_WORK);
  readonly #detector = new EquivocationDetector();
  readonly #stopping = new AbortController();
  readonly #status: ReplicaStatus;
  readonly #chain: ReplicaChain;
  readonly #board: AttestationBoard;
  readonly #halt: HaltSwitch;
  readonly #ladder: VerificationLadder;
  readonly #applier: RecordApplier;
  readonly #feed: LiveFeed;
  readonly #verifier: RootVerifier;
  readonly #join: SnapshotJoin | undefined;
  readonly #sync: RangeSync;
  readonly #attestationSync: AttestationSync;
  readonly #gaps: GapWatch;
  readonly #intake: GossipIntake;
  readonly #completion: WitnessCompletion;
  readonly #sampler: ReexecutionSampler | undefined;
  #completing: Promise<void> = Promise.resolve();
  readonly #resume: ResumeOrder | undefined;
  #replayed: Promise<ReplayResult> | undefined;
  #loops: Promise<void> | undefined;
  #failure: string | undefined;

  constructor(options: FullNodeOptions, modules: FullNodeModules) {
    const limits = { ...DEFAULT_LIMITS, ...options };
    const { genesis } = options;
    this.#resume = options.resume;
    this.#modules = modules;
    this.#limits = limits;
    const sealedBlocks = new SealedBlocks(modules);
    const blockDiffs = new BlockDiffs({
      ...modules,
      // When the queue has no room for it the block stays unproven.
      onWrongDigest: (seal, netDiff) => this.#pushUrgent(() => this.#ladder.onWrongDiffDigest(seal, netDiff)),
    });
    const witnesses = new WitnessAssembler({ maxBytes: limits.witnessBufferBytes });
    this.#status = new ReplicaStatus(limits.stallAfterMs, modules.clock);
    this.#chain = new ReplicaChain(options, { ...modules, sealedBlocks, blockDiffs });
    const collector = new EvidenceCollector({ ...modules, sealedBlocks, blockDiffs });
    const proverEvidence = new ProverEvidence({ ...modules, collector, sealedBlocks });
    this.#board = new AttestationBoard(
      { ...genesis, blockWindow: limits.blockWindow },
      { ...modules, sealedBlocks, proverEvidence },
    );
    this.#halt = new HaltSwitch({ ...modules, chain: this.#chain, status: this.#status, onHalted: () => this.#onHalted() });
    this.#ladder = new VerificationLadder({
      chain: this.#chain,
      writer: modules.chain,
      sealedBlocks,
      board: this.#board,
      halt: this.#halt,
      collector,
      proverEvidence,
      onWrongSeal: (position, seal) => this.#completeEvidence(position, seal),
    });
    this.#verifier = new RootVerifier(limits, {
      ...modules,
      sealedBlocks,
      blockDiffs,
      witnesses,
      onVerified: (block, witness) => this.#onRootVerified(block, witness),
      onWrongRoot: (block, reason, witness) => this.#work.call(() => this.#ladder.onWrongRoot(block, reason, witness)),
    });
    this.#sampler = this.#createSampler();
    this.#completion = new WitnessCompletion(limits.backoffMaxMs, { ...modules, witnesses });
    this.#applier = new RecordApplier({
      chain: this.#chain,
      halt: this.#halt,
      ladder: this.#ladder,
      collector,
      logger: modules.logger,
      onSealed: () => this.#verifier.wake(),
      onUndone: () => this.#onUndone(),
      repair: { begin: (number, why) => this.#beginRepair(number, why) },
    });
    this.#feed = new LiveFeed(limits, {
      work: this.#work,
      chain: this.#chain,
      applier: this.#applier,
      metrics: modules.metrics,
      onDrained: () => this.#onMoved(),
    });
    const ranges = new RangeApplier(options, {
      chain: this.#chain,
      applier: this.#applier,
      ladder: this.#ladder,
      detector: this.#detector,
    });
    this.#join = this.#createJoin(options);
    this.#sync = this.#createSync(ranges);
    this.#attestationSync = new AttestationSync(limits, {
      ...modules,
      firstUnattested: () => this.#board.firstUnattested(),
      apply: (records) => this.#work.call(() => ranges.apply(records)),
    });
    this.#gaps = new GapWatch(limits.gapGraceMs, {
      headNumber: () => this.#chain.head().number,
      isBehind: () => !this.#status.isHalted() && this.#isBehind(),
      onGap: () => this.#sync.want(),
    });
    this.#intake = this.#createIntake(options, witnesses);
  }

  /** Undefined where nothing can execute. */
  #createSampler(): ReexecutionSampler | undefined {
    const { reexecute } = this.#modules;
    if (reexecute === undefined) return undefined;
    return new ReexecutionSampler(this.#limits, {
      ...this.#modules,
      reexecute,
      onWrong: (wrong) => this.#work.call(() => this.#ladder.onWrongExecution(wrong)),
    });
  }

  #createIntake({ identity, genesis }: FullNodeOptions, witnesses: WitnessAssembler): GossipIntake {
    const { reorderBufferMax, blockWindow } = this.#limits;
    return new GossipIntake(
      { identity, genesis, reorderBufferMax, blockWindow },
      {
        ...this.#modules,
        chain: this.#chain,
        reader: this.#modules.chain,
        status: this.#status,
        detector: this.#detector,
        board: this.#board,
        witnesses,
        verifier: this.#verifier,
        onSequencerMessage: (message, bytes) => this.#feed.offer(message, bytes),
        onSignedAhead: () => this.#gaps.check(),
        onEquivocation: (equivocation) => this.#pushUrgent(() => this.#applier.onEquivocation(equivocation)),
        onWitnessChunk: (chunk) => this.#onWitnessChunk(witnesses, chunk),
        onAttestation: (attestation) => this.#push(() => this.#ladder.addAttestation(attestation)),
      },
    );
  }

  #createJoin({ identity, genesis }: FullNodeOptions): SnapshotJoin | undefined {
    const { snapshots, evidence, logger } = this.#modules;
    if (snapshots === undefined) return undefined;
    const { syncMode, snapshotGapBlocks, repairWithinMs } = this.#limits;
    return new SnapshotJoin(
      { identity, ...genesis, mode: syncMode, gapBlocks: snapshotGapBlocks, repairWithinMs },
      {
        ...snapshots,
        logger,
        point: () => ({ headNumber: this.#chain.head().number, headBlock: this.#chain.headBlock() }),
        isHalted: () => this.#status.isHalted(),
        excludedProvers: () => evidence.excludedProvers(),
        leadsOn: (offer) => leadsOn(offer, this.#modules),
        onObstacle: (reason) => this.#status.setObstacle(reason),
        onRepairFailed: (reason) => this.#pushUrgent(() => this.#applier.giveUpRepair(reason)),
      },
    );
  }

  #beginRepair(number: number, why: string): boolean {
    if (this.#join?.repair(number, why) !== true) return false;
    // What asks for ranges keeps the search going.
    this.#sync.want();
    return true;
  }

  #createSync(ranges: RangeApplier): RangeSync {
    return new RangeSync(this.#limits, {
      ...this.#modules,
      position: () => this.#position(),
      apply: (records) =>
        this.#work.call(async () => {
          try {
            return await ranges.apply(records);
          } finally {
            this.#status.noteFetched();
            this.#feed.prune();
            this.#feed.queueDrain();
          }
        }),
      isAllowed: async (signal) => (await this.#join?.allowsRanges(signal)) ?? true,
      onOutcome: (outcome) => this.#join?.noteRange(outcome),
      onUpToDate: () => {
        this.#status.reachedPeers(this.#chain.head().number, this.#chain.epoch().number);
        this.#onMoved();
      },
    });
  }

  #onWitnessChunk(witnesses: WitnessAssembler, chunk: Parameters<WitnessAssembler['add']>[0]): void {
    const dropped = witnesses.add(chunk);
    for (let i = 0; i < dropped; i++) this.#modules.metrics.recordDropped('witnesses');
    this.#verifier.wake();
  }

  #push(work: () => Promise<unknown>): void {
    if (!this.#work.push(work)) this.#modules.metrics.recordDropped('work');
  }

  #pushUrgent(work: () => Promise<unknown>): void {
    if (!this.#work.pushUrgent(work)) this.#modules.metrics.recordDropped('work');
  }

  #isBehind(): boolean {
    return this.#status.isBehind(this.#chain.head().number, this.#chain.epoch().number);
  }

  #onMoved(): void {
    const { number } = this.#chain.head();
    this.#status.update(number, this.#chain.epoch().number);
    this.#modules.metrics.recordHead(number, this.#status.lag(number));
    this.#gaps.check();
  }

  /** The chain may have gone back: whatever was built on the undone part goes too. */
  #onUndone(): void {
    const block = this.#chain.headBlock();
    this.#board.forgetAbove(block);
    this.#verifier.resetTo(block);
    this.#feed.prune();
  }

  #onHalted(): void {
    this.#onUndone();
    this.#feed.clear();
  }

  async #onRootVerified(block: SealedBlock, witness: Bytes): Promise<boolean> {
    const isVerified = await this.#work.call(() => this.#ladder.onRootVerified(block));
    if (isVerified) this.#sampler?.offer(block, witness);
    return isVerified;
  }

  #completeEvidence(position: number, seal: BlockSeal): void {
    this.#completing = this.#completion.complete(position, seal, this.#stopping.signal);
    this.#completing.catch((error: unknown) => this.#onLoopDied(error));
  }

  async #position(): Promise<SyncPosition> {
    const epoch = this.#chain.epoch().number;
    return {
      epoch,
      headNumber: this.#chain.head().number,
      isBehind: this.#isBehind(),
      searchFrom: this.#status.signed().epoch > epoch ? await this.#chain.safeMiniBlock() : undefined,
      isHalted: this.#status.isHalted(),
    };
  }

  /**
   * Applies the log's tail of an earlier process; {@link FullNode.start} does it when the caller has not.
   * @throws StrobeError LOG_BEHIND_STORE, LOG_REPLAY_MISMATCH, RESUME_OF_ANOTHER_HALT
   */
  recover(): Promise<ReplayResult> {
    this.#replayed ??= this.#chain.recover().then(async (replayed) => {
      await this.#halt.restore(this.#resume);
      return replayed;
    });
    return this.#replayed;
  }

  /** Joins gossip, then asks peers for what is missing, so that nothing falls between the two. */
  async start(): Promise<void> {
    await this.recover();
    const { signal } = this.#stopping;
    const loops = [this.#work.run(signal), this.#sync.run(signal), this.#verifier.run(signal), this.#attestationSync.run(signal)];
    if (this.#join !== undefined) loops.push(this.#join.run(signal));
    if (this.#sampler !== undefined) loops.push(this.#sampler.run(signal));
    this.#loops = Promise.all(loops.map(withoutClosing)).then(() => undefined);
    this.#loops.catch((error: unknown) => this.#onLoopDied(error));
    this.#intake.join(signal);
    this.#sync.want();
  }

  #onLoopDied(error: unknown): void {
    this.#failure = errorMessage(error);
    this.#modules.logger.error({ err: error }, `the replica failed: ${this.#failure}`);
    this.#stopping.abort();
    this.#gaps.stop();
  }

  /** Resolves when the node was stopped; rejects when one of its loops died. */
  async run(): Promise<void> {
    await this.#loops;
  }

  /** Ends the loops; what is under way is finished. A failure is {@link FullNode.run}'s to tell. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#gaps.stop();
    await this.#loops?.catch(() => undefined);
    await this.#completing.catch(() => undefined);
  }

  ready(): Readiness {
    if (this.#failure !== undefined) return { isReady: false, reason: `FAILED: ${this.#failure}` };
    return this.#status.readiness();
  }

  status(): FullNodeStatus {
    const head = this.#chain.head();
    const { isReady, reason } = this.ready();
    const haltDigest = this.#modules.evidence.haltDigest();
    return {
      state: this.#status.state(),
      isReady,
      reason: reason ?? null,
      epoch: this.#chain.epoch().number,
      miniBlock: head.number,
      miniBlockDigest: toHex(head.digest),
      block: this.#chain.headBlock(),
      rootVerifiedBlock: this.#verifier.verifiedThrough(),
      safeBlock: this.#modules.chain.safeNumber() ?? null,
      lag: this.#status.lag(head.number),
      waiting: this.#feed.waiting,
      excludedProvers: this.#modules.evidence.excludedProvers().map(toHex),
      snapshotSync: this.#join?.progress() ?? null,
      haltDigest: haltDigest === undefined ? null : toHex(haltDigest),
    };
  }

  /** Newest applied mini-block with the epoch in force: what this node tells its own peers. */
  head(): PeerHead {
    const { number, digest } = this.#chain.head();
    return { epoch: this.#chain.epoch().number, number, digest };
  }

  /** Undefined when in step (eth_syncing). */
  syncing(): { readonly currentBlock: number; readonly highestBlock: number } | undefined {
    const state = this.#status.state();
    if (state === 'live' || state === 'halted') return undefined;
    const currentBlock = this.#chain.headBlock();
    return { currentBlock, highestBlock: Math.max(currentBlock, this.#status.signed().blockNumber) };
  }

  /** True for a prover whose word this node does not take any more. */
  isExcludedProver(prover: Address): boolean {
    return this.#board.isExcluded(prover);
  }

  /** Stored equivocation proofs, raw messages in hex. */
  equivocations(): readonly { readonly first: Hex; readonly second: Hex }[] {
    return this.#modules.evidence.list().flatMap(({ rule, messages: [first, second] }) => {
      return rule === 'EQUIVOCATION' && first !== undefined && second !== undefined ? [{ first, second }] : [];
    });
  }
}

/** A call that the closing work queue refused only says that the node is stopping; the cause shows elsewhere. */
async function withoutClosing(loop: Promise<void>): Promise<void> {
  try {
    await loop;
  } catch (error) {
    if (!isStrobeError(error, 'WORK_QUEUE_CLOSED')) throw error;
  }
}
