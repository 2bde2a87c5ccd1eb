import { isAttestationRecord } from '../protocol/attestation-record.ts';
import type { ChainIdentity, Genesis } from '../protocol/genesis.ts';
import { decodeSequencerMessage, type SequencerMessage } from '../protocol/log-record.ts';
import type { Gossip } from '../protocol/ports/network.ts';
import { blockSealDigest, type EpochStart } from '../protocol/sequencer-messages.ts';
import {
  epochOf,
  isSequencerSigned,
  type SequencerMessageContext,
  validateSequencerMessage,
} from '../protocol/validate-sequencer-message.ts';
import { validateWitnessChunk, type WitnessChunkContext } from '../protocol/validate-witness-chunk.ts';
import type { Verdict } from '../protocol/verdict.ts';
import type { Bytes } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { BlockAssembler } from './block-assembler.ts';
import type { WitnessBuffer } from './witness-buffer.ts';

export interface IntakeOptions {
  readonly identity: ChainIdentity;
  readonly genesis: Pick<Genesis, 'sequencerKeys'>;
  readonly maxMiniBlocks: number;
  readonly blockWindow: number;
}

export interface IntakeModules {
  readonly assembler: BlockAssembler;
  readonly witnesses: WitnessBuffer;
  /** Gossip brought something; what was asked for is no news. */
  readonly onNews: () => void;
  /** The sequencer started an epoch that is newer than any known before. */
  readonly onEpochStart: (start: EpochStart) => void;
  readonly nowUs: () => number;
}

export interface TakenRecord {
  /** Undefined: not the sequencer's. */
  readonly message: SequencerMessage | undefined;
  /** Of a mini-block, else 0. */
  readonly number: number;
  /** False: the buffers are full, and the rest of the answer is of no use now. */
  readonly hasRoom: boolean;
}

/** Judges what peers send, by gossip or on request, and hands on what the sequencer signed. */
export class Intake {
  readonly #options: IntakeOptions;
  readonly #modules: IntakeModules;
  /** Newest epoch whose start was seen; 0: none yet. */
  #epoch = 0;
  #epochStartNumber = 0;
  #heartbeatUs = 0;

  constructor(options: IntakeOptions, modules: IntakeModules) {
    this.#options = options;
    this.#modules = modules;
  }

  subscribe(gossip: Gossip): void {
    const judge = (message: Bytes): Verdict => this.#judgeMessage(message);
    // Taken in while it is judged: what is too far ahead to keep still tells how far the sequencer is.
    gossip.subscribe('mini-blocks', judge, () => {});
    gossip.subscribe('seals', judge, () => {});
    gossip.subscribe(
      'witnesses',
      (message) => this.#judgeChunk(message),
      () => {},
    );
  }

  #judgeMessage(bytes: Bytes): Verdict {
    const { verdict, message } = validateSequencerMessage(bytes, this.#messageContext());
    if (message !== undefined && !(verdict.kind === 'ignore' && verdict.code === 'CLOCK_AHEAD')) {
      this.#take(message, bytes);
      this.#modules.onNews();
    }
    return verdict;
  }

  /**
   * Takes in a record of a range answer.
   * @throws StrobeError RANGE_INVALID when the sequencer did not sign it, and the codes of the decoders
   */
  takeRecord(record: Bytes): TakenRecord {
    if (isAttestationRecord(record)) return { message: undefined, number: 0, hasRoom: true };
    const message = decodeSequencerMessage(record);
    const { identity, genesis } = this.#options;
    const context = { identity, sequencerKeys: genesis.sequencerKeys, epoch: this.#epoch, epochKey: undefined };
    if (!isSequencerSigned(message, context)) throw new StrobeError('RANGE_INVALID', 'a record is not signed by the sequencer');
    const number = message.kind === 'miniBlock' ? message.miniBlock.envelope.number : 0;
    return { message, number, hasRoom: this.#take(message, record) };
  }

  #take(message: SequencerMessage, bytes: Bytes): boolean {
    const { assembler } = this.#modules;
    const payload = bytes.subarray(1);
    // Peers that have not heard of the epoch go on giving it.
    if (this.#isGivenUp(message)) return true;
    switch (message.kind) {
      case 'miniBlock':
        return assembler.addMiniBlock(message.miniBlock, payload);
      case 'blockSeal':
        return assembler.addSeal(message.blockSeal, payload);
      case 'epochStart':
        this.#takeEpochStart(message.epochStart);
        return true;
      case 'heartbeat':
        this.#heartbeatUs = Math.max(this.#heartbeatUs, message.heartbeat.timestampUs);
        assembler.noteHead(message.heartbeat.number);
        return true;
    }
  }

  /** What an older epoch signed above the start of the newest one does not count any more. */
  #isGivenUp(message: SequencerMessage): boolean {
    if (epochOf(message) >= this.#epoch) return false;
    if (message.kind === 'miniBlock') return message.miniBlock.envelope.number > this.#epochStartNumber;
    return message.kind === 'blockSeal' && message.blockSeal.lastNumber > this.#epochStartNumber;
  }

  #takeEpochStart(start: EpochStart): void {
    if (start.epoch <= this.#epoch) return;
    this.#epoch = start.epoch;
    this.#epochStartNumber = start.lastNumber;
    this.#modules.assembler.addEpochStart(start);
    this.#modules.onEpochStart(start);
  }

  #messageContext(): SequencerMessageContext {
    const { assembler, nowUs } = this.#modules;
    const { identity, genesis, maxMiniBlocks, blockWindow } = this.#options;
    return {
      identity,
      sequencerKeys: genesis.sequencerKeys,
      epoch: this.#epoch,
      epochKey: undefined,
      epochStartNumber: this.#epochStartNumber,
      headNumber: assembler.position.lastNumber,
      headBlock: assembler.position.blockNumber,
      miniBlockWindow: maxMiniBlocks,
      blockWindow,
      heartbeatUs: this.#heartbeatUs,
      nowUs: nowUs(),
      knownMiniBlock: (epoch, number) => assembler.miniBlockDigest(epoch, number),
      knownSeal: (epoch, blockNumber) => {
        const seal = assembler.seal(blockNumber);
        return seal?.epoch === epoch ? blockSealDigest(seal) : undefined;
      },
    };
  }

  #judgeChunk(bytes: Bytes): Verdict {
    const { witnesses } = this.#modules;
    const { verdict, message } = validateWitnessChunk(bytes, this.#chunkContext());
    if (message !== undefined && verdict.kind === 'accept') {
      witnesses.add(message);
      this.#modules.onNews();
    }
    return verdict;
  }

  #chunkContext(): WitnessChunkContext {
    const { assembler, witnesses } = this.#modules;
    const { identity, genesis, blockWindow } = this.#options;
    return {
      identity,
      sequencerKeys: genesis.sequencerKeys,
      doneBlock: assembler.position.blockNumber,
      headBlock: assembler.position.blockNumber,
      blockWindow,
      isKnown: (chunk) => witnesses.has(chunk),
      isSignedList: (digest) => witnesses.hasList(digest),
    };
  }
}
