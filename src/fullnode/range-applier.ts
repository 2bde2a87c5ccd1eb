import { attestationRecordPayload, isAttestationRecord } from '../protocol/attestation-record.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import { decodeLogRecord, type LogRecord, recordNumber } from '../protocol/log-record.ts';
import type { MiniBlock } from '../protocol/mini-block.ts';
import type { BlockSeal, EpochStart } from '../protocol/sequencer-messages.ts';
import { validateAttestation } from '../protocol/validate-attestation.ts';
import { isSequencerSigned } from '../protocol/validate-sequencer-message.ts';
import type { Bytes } from '../util/bytes.ts';
import { type ErrorMeta, isStrobeError, StrobeError } from '../util/errors.ts';
import type { EquivocationDetector } from './equivocation-detector.ts';
import type { AppliedRange } from './range-sync.ts';
import type { RecordApplier } from './record-applier.ts';
import type { ReceivedMiniBlock } from './reorder-buffer.ts';
import type { ReplicaChain } from './replica-chain.ts';
import type { VerificationLadder } from './verification-ladder.ts';

export interface RangeApplierOptions {
  readonly identity: ChainIdentity;
  readonly genesis: Pick<Genesis, 'sequencerKeys' | 'provers'>;
}

export interface RangeApplierModules {
  readonly chain: ReplicaChain;
  readonly applier: RecordApplier;
  readonly ladder: VerificationLadder;
  readonly detector: EquivocationDetector;
}

/**
 * Applies pieces of a range answer. A peer may leave out or reorder records but cannot make any up, so whatever does
 * not follow from the record before is the peer's fault (RANGE_INVALID) and never the sequencer's.
 */
export class RangeApplier {
  readonly #options: RangeApplierOptions;
  readonly #modules: RangeApplierModules;
  /** Due mini-blocks that share the next sync of the log. */
  #run: ReceivedMiniBlock[] = [];
  #applied = 0;

  constructor(options: RangeApplierOptions, modules: RangeApplierModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** @throws StrobeError RANGE_INVALID; the records before the bad one are applied then */
  async apply(records: readonly Bytes[]): Promise<AppliedRange> {
    this.#applied = 0;
    let lastNumber = 0;
    try {
      for (const bytes of records) {
        if (this.#modules.applier.isStopped()) break;
        const record = isAttestationRecord(bytes) ? undefined : this.#authenticate(bytes);
        if (record === undefined) await this.#applyAttestation(bytes);
        else await this.#applyRecord(record, bytes);
        if (record !== undefined) lastNumber = Math.max(lastNumber, recordNumber(record));
      }
    } finally {
      await this.#flush();
    }
    return { applied: this.#applied, lastNumber };
  }

  #authenticate(bytes: Bytes): LogRecord {
    const { identity, genesis } = this.#options;
    const epoch = this.#modules.chain.epoch();
    const record = decodeRecord(bytes);
    const context = { identity, sequencerKeys: genesis.sequencerKeys, epoch: epoch.number, epochKey: epoch.key };
    if (!isSequencerSigned(record, context))
      throw forged('a record is not signed by the sequencer', { kind: record.kind, number: recordNumber(record) });
    return record;
  }

  async #applyRecord(record: LogRecord, bytes: Bytes): Promise<void> {
    const equivocation = this.#modules.detector.observe(record, bytes);
    if (equivocation !== undefined) return this.#modules.applier.onEquivocation(equivocation);
    switch (record.kind) {
      case 'miniBlock':
        return this.#applyMiniBlock(record, record.miniBlock, bytes);
      case 'blockSeal':
        return this.#applySeal(record, record.blockSeal, bytes);
      case 'epochStart':
        return this.#applyEpochStart(record, record.epochStart, bytes);
    }
  }

  async #applyMiniBlock(record: LogRecord, miniBlock: MiniBlock, bytes: Bytes): Promise<void> {
    const { chain } = this.#modules;
    const { number, epoch, index } = miniBlock.envelope;
    const current = chain.epoch().number;
    const due = chain.head().number + this.#run.length + 1;
    if (epoch > current) throw invalid('the start of its epoch is missing', record);
    if (number < due) return;
    if (number > due || epoch < current) throw invalid('a mini-block is out of order', record);
    if (index === 0) {
      await this.#flush();
      if (chain.hasOpenBlock()) throw invalid('the seal of the block before is missing', record);
    }
    this.#run.push({ miniBlock, bytes });
  }

  async #applySeal(record: LogRecord, seal: BlockSeal, bytes: Bytes): Promise<void> {
    await this.#flush();
    const { chain, applier } = this.#modules;
    const epoch = chain.epoch();
    if (seal.header.number <= chain.headBlock()) return;
    const isLost = seal.epoch < epoch.number && seal.lastNumber > epoch.startNumber;
    const isEarly = seal.header.number > chain.headBlock() + 1 || seal.lastNumber > chain.head().number;
    if (isLost || isEarly || seal.epoch > epoch.number) throw invalid('a seal is out of order', record);
    await applier.applySeal(seal, bytes);
    this.#applied++;
  }

  async #applyEpochStart(record: LogRecord, start: EpochStart, bytes: Bytes): Promise<void> {
    await this.#flush();
    const outcome = await this.#modules.applier.applyEpochStart(start, bytes);
    if (outcome === 'elsewhere') throw invalid('an epoch does not start where it stands', record);
    if (outcome === 'applied') this.#applied++;
  }

  async #applyAttestation(bytes: Bytes): Promise<void> {
    await this.#flush();
    const { identity, genesis } = this.#options;
    const { verdict, message } = validateAttestation(attestationRecordPayload(bytes), {
      identity,
      provers: genesis.provers,
      oldestBlock: 0,
      newestBlock: this.#modules.chain.headBlock(),
      isKnown: () => false,
      isExcluded: () => false,
    });
    if (verdict.kind === 'reject') throw forged('an attestation in it is no good', { code: verdict.code });
    if (verdict.kind === 'accept' && message !== undefined) await this.#modules.ladder.addAttestation(message);
  }

  async #flush(): Promise<void> {
    const run = this.#run;
    this.#run = [];
    const before = this.#modules.chain.head().number;
    await this.#modules.applier.applyRun(run);
    this.#applied += Math.max(0, this.#modules.chain.head().number - before);
  }
}

function decodeRecord(bytes: Bytes): LogRecord {
  try {
    return decodeLogRecord(bytes);
  } catch (cause) {
    if (!isStrobeError(cause)) throw cause;
    throw forged(`a record cannot be decoded: ${cause.message}`, { code: cause.code }, cause);
  }
}

/** An answer that no peer gives which checks what it keeps. */
function forged(message: string, meta: ErrorMeta, cause?: StrobeError): StrobeError<'RANGE_INVALID'> {
  return new StrobeError('RANGE_INVALID', message, { ...meta, isForged: true }, { cause });
}

function invalid(message: string, record: LogRecord): StrobeError<'RANGE_INVALID'> {
  return new StrobeError('RANGE_INVALID', message, { kind: record.kind, number: recordNumber(record) });
}
