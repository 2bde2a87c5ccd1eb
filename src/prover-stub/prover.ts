import { encodeAttestation } from '../protocol/attestation.ts';
import { type BlockSeal, blockHashOf, type EpochStart } from '../protocol/sequencer-messages.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { Wakeup } from '../util/wakeup.ts';
import { AttestedHistory } from './attested-history.ts';
import { type AssembledBlock, BlockAssembler } from './block-assembler.ts';
import { isFatal } from './block-proof.ts';
import { BlockSupply } from './block-supply.ts';
import { Intake } from './gossip-intake.ts';
import { LagReport, MAX_READY_LAG } from './lag-report.ts';
import { LogGap } from './log-gap.ts';
import type { ProvedBlock } from './progress-file.ts';
import type { Proof } from './proof-makers.ts';
import { DEFAULT_PROVER_LIMITS, type ProverLimits, type ProverModules, type ProverOptions } from './prover-options.ts';
import { takesBlock } from './prover-share.ts';
import { WitnessBuffer } from './witness-buffer.ts';
import { WitnessSource } from './witness-source.ts';

/** JSON-safe report of a prover. */
export interface ProverStatus {
  /** Newest block this prover is done with, 0 at first. */
  readonly blockNumber: number;
  /** Sealed blocks seen above it. */
  readonly lag: number;
  /** Blocks of this run in which the sequencer was found wrong, and about which nothing could be said; newest last. */
  readonly disagreements: readonly { readonly blockNumber: number; readonly reasons: readonly string[] }[];
  readonly unprovable: readonly { readonly blockNumber: number; readonly code: string }[];
}

/** Reports kept of blocks that were not plainly good; logs and metrics have them all. */
const MAX_REPORTS = 32;

/**
 * Re-executes block after block from witnesses and publishes signed attestations. It trusts nobody's state: everything
 * it needs comes with the block, is signed by the sequencer, and proves itself against the parent's state root.
 */
export class Prover {
  readonly #options: ProverOptions;
  readonly #limits: ProverLimits;
  readonly #modules: ProverModules;
  readonly #stop = new AbortController();
  readonly #news = new Wakeup();
  readonly #history = new AttestedHistory();
  readonly #assembler: BlockAssembler;
  readonly #witnessBuffer: WitnessBuffer;
  readonly #witnesses: WitnessSource;
  readonly #intake: Intake;
  readonly #supply: BlockSupply;
  readonly #lag: LagReport;
  readonly #disagreements: { blockNumber: number; reasons: readonly string[] }[] = [];
  readonly #unprovable: { blockNumber: number; code: string }[] = [];
  #running: Promise<void> | undefined;
  #isStarted = false;

  constructor(options: ProverOptions, modules: ProverModules) {
    this.#options = options;
    this.#limits = { ...DEFAULT_PROVER_LIMITS, ...options };
    this.#modules = modules;
    this.#lag = new LagReport(modules);
    this.#assembler = new BlockAssembler(this.#limits);
    this.#witnessBuffer = new WitnessBuffer(this.#limits.maxWitnessBytes);
    this.#witnesses = new WitnessSource(this.#limits, {
      buffer: this.#witnessBuffer,
      peers: modules.peers,
      news: this.#news,
      seenBlock: () => this.#assembler.seenBlock,
      logger: modules.logger,
    });
    const { identity, genesis } = options;
    const { maxMiniBlocks, blockWindow } = this.#limits;
    this.#intake = new Intake(
      { identity, genesis, maxMiniBlocks, blockWindow },
      {
        assembler: this.#assembler,
        witnesses: this.#witnessBuffer,
        onNews: () => this.#news.wake(),
        onEpochStart: (start) => this.#giveUpTail(start),
        nowUs: () => Date.now() * 1000,
      },
    );
    this.#supply = new BlockSupply(this.#limits, {
      assembler: this.#assembler,
      intake: this.#intake,
      peers: modules.peers,
      gap: new LogGap(this.#limits, { ...modules, intake: this.#intake }),
      news: this.#news,
      logger: modules.logger,
    });
  }

  /**
   * Loads what was done before and joins the topics; before the network starts.
   * @throws StrobeError PROGRESS_FILE_FAILED, PROGRESS_OF_ANOTHER
   */
  async start(): Promise<void> {
    this.#history.load(await this.#modules.progress.load(this.#owner()));
    this.#assembler.moveTo(this.#history.position);
    this.#intake.subscribe(this.#modules.gossip);
    this.#isStarted = true;
    this.#modules.logger.info({ blockNumber: this.#history.position.blockNumber }, 'proving from the block after this one');
  }

  /** Proves until {@link Prover.stop}. Rejects when a part dies: the host, the progress file, or a bug. */
  run(): Promise<void> {
    this.#running ??= this.#loop();
    return this.#running;
  }

  /** Ends the loop; a block that is being executed is given up. The host is the caller's to stop. */
  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running?.catch(() => {
      // Whoever awaits run() has it.
    });
  }

  status(): ProverStatus {
    const { blockNumber } = this.#history.position;
    return {
      blockNumber,
      lag: Math.max(0, this.#assembler.seenBlock - blockNumber),
      disagreements: this.#disagreements,
      unprovable: this.#unprovable,
    };
  }

  ready(): { ready: boolean; reason?: string } {
    const { lag } = this.status();
    if (!this.#isStarted) return { ready: false, reason: 'the prover has not started' };
    if (!this.#supply.isCaughtUp) return { ready: false, reason: 'catching up' };
    if (lag > MAX_READY_LAG) return { ready: false, reason: `${lag} blocks behind` };
    return { ready: true };
  }

  async #loop(): Promise<void> {
    const { signal } = this.#stop;
    const republish = setInterval(() => {
      this.#republish();
      // A block that takes long is no reason to stay silent about those behind it.
      this.#reportLag();
    }, this.#limits.republishIntervalMs);
    try {
      while (!signal.aborted) {
        this.#reportLag();
        const block = await this.#supply.next(signal);
        if (block !== undefined && 'goOnBehind' in block) await this.#passGap(block.goOnBehind);
        else if (block !== undefined) await this.#proveOrGoBack(block);
        else if (!signal.aborted) await this.#giveUpNext('BLOCK_TOO_LARGE');
      }
    } finally {
      clearInterval(republish);
    }
  }

  #reportLag(): void {
    const { lag, blockNumber } = this.status();
    this.#lag.update(lag, blockNumber);
  }

  async #proveOrGoBack(block: AssembledBlock): Promise<void> {
    const { newest } = this.#history;
    const { seal } = block;
    const continues = newest === undefined || bytesEqual(block.parentDigest, newest.lastDigest);
    if (!continues && seal.epoch > newest.epoch) {
      // A newer epoch goes on from an older mini-block, so the newest block was given up with its tail.
      this.#modules.logger.warn({ blockNumber: newest.blockNumber, epoch: seal.epoch }, 'the block was given up by a new epoch');
      this.#history.dropNewest();
      this.#assembler.moveTo(this.#history.position);
      return;
    }
    if (!takesBlock(this.#options.share, seal.header.number)) return this.#skip(seal);
    const witness = await this.#witnesses.get(seal, { signal: this.#stop.signal, isWanted: () => this.#isNext(seal) });
    if (this.#stop.signal.aborted || !this.#isNext(seal)) return;
    if (witness === undefined) return this.#finish(seal, undefined, 'NO_PEER_HAS_WITNESS');
    await this.#prove(block, witness);
  }

  async #prove({ seal, sealBytes, miniBlocks }: AssembledBlock, witness: Bytes): Promise<void> {
    const { maker, logger } = this.#modules;
    const { previous } = this.#history;
    const started = performance.now();
    const job = { seal: sealBytes, miniBlocks, witness, previous };
    let proof: Proof | undefined;
    try {
      proof = await maker.prove(job, { timeoutMs: this.#limits.blockTimeoutMs, signal: this.#stop.signal });
    } catch (error) {
      if (!isStrobeError(error) || isFatal(error.code)) throw error;
      logger.error({ blockNumber: seal.header.number, code: error.code }, error.message);
      if (this.#isNext(seal)) await this.#finish(seal, undefined, error.code);
      return;
    }
    // A new epoch may have given the block up meanwhile.
    if (proof !== undefined && this.#isNext(seal)) await this.#attest(seal, proof, (performance.now() - started) / 1000);
  }

  #isNext(seal: BlockSeal): boolean {
    return this.#assembler.seal(this.#assembler.position.blockNumber + 1) === seal;
  }

  async #attest(seal: BlockSeal, { attestation, transactions, reasons }: Proof, seconds: number): Promise<void> {
    const { gossip, logger, metrics } = this.#modules;
    const blockNumber = seal.header.number;
    const agrees = attestation.success;
    const encoded = encodeAttestation(attestation);
    if (!agrees) {
      keep(this.#disagreements, { blockNumber, reasons });
      logger.error({ blockNumber, reasons }, 'the sequencer is wrong about this block');
    }
    // Kept before it is told, so that a restart repeats it.
    await this.#finish(seal, encoded);
    gossip.publish('attestations', encoded);
    metrics.recordBlockProved({ seconds, transactions, blockNumber, agrees });
    logger.debug({ blockNumber, seconds, transactions, agrees }, 'attested a block');
  }

  /** Goes on where the logs of peers begin: what lies before is lost to this prover. */
  async #passGap(end: ProvedBlock): Promise<void> {
    const { logger, metrics } = this.#modules;
    const { blockNumber: from } = this.#history.position;
    const { blockNumber } = end;
    const code = 'NO_PEER_HAS_LOG';
    logger.error(
      { code, from, blockNumber },
      'no log of a peer reaches back to this prover any more: it goes on behind this block',
    );
    keep(this.#unprovable, { blockNumber, code });
    metrics.recordUnprovable(code);
    await this.#add(end);
  }

  /** Goes past a block of another prover's share. */
  async #skip(seal: BlockSeal): Promise<void> {
    this.#modules.metrics.recordSkipped();
    this.#modules.logger.debug({ blockNumber: seal.header.number }, 'not in the share of this prover');
    await this.#leave(seal, { attestation: undefined, isSkipped: true });
  }

  async #giveUpNext(code: string): Promise<void> {
    const seal = this.#assembler.seal(this.#assembler.position.blockNumber + 1);
    if (seal !== undefined) await this.#finish(seal, undefined, code);
  }

  /** Goes on behind a block, with an attestation of it or with the reason why there is none. */
  async #finish(seal: BlockSeal, attestation: Bytes | undefined, code?: string): Promise<void> {
    const blockNumber = seal.header.number;
    if (code !== undefined) {
      keep(this.#unprovable, { blockNumber, code });
      this.#modules.metrics.recordUnprovable(code);
      this.#modules.logger.warn({ blockNumber, code }, 'no attestation for this block');
    }
    await this.#leave(seal, { attestation });
  }

  async #leave(seal: BlockSeal, outcome: Pick<ProvedBlock, 'attestation' | 'isSkipped'>): Promise<void> {
    const { epoch, lastNumber, lastDigest } = seal;
    const blockNumber = seal.header.number;
    await this.#add({ blockNumber, blockHash: blockHashOf(seal), epoch, lastNumber, lastDigest, ...outcome });
  }

  async #add(block: ProvedBlock): Promise<void> {
    this.#history.add(block);
    this.#assembler.moveTo(this.#history.position);
    this.#witnessBuffer.release(block.blockNumber);
    await this.#modules.progress.save(this.#owner(), this.#history.blocks);
  }

  #giveUpTail(start: EpochStart): void {
    if (this.#history.dropGivenUp(start)) this.#assembler.moveTo(this.#history.position);
  }

  /** Peers that joined late learn what they missed; gossip drops repeats by itself. */
  #republish(): void {
    for (const attestation of this.#history.attestations) this.#modules.gossip.publish('attestations', attestation);
  }

  #owner() {
    return { genesisHash: this.#options.identity.genesisHash, prover: this.#options.prover };
  }
}

function keep<Report>(reports: Report[], report: Report): void {
  reports.push(report);
  if (reports.length > MAX_REPORTS) reports.shift();
}
