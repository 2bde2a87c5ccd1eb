import { decodeSequencerMessage, type SequencerMessage } from '../protocol/log-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Gossip, Topic } from '../protocol/ports/network.ts';
import { type AuthenticAttestation, validateAttestation } from '../protocol/validate-attestation.ts';
import type { CheckedMessage } from '../protocol/validate-common.ts';
import { validateSequencerMessage } from '../protocol/validate-sequencer-message.ts';
import { type AuthenticChunk, validateWitnessChunk } from '../protocol/validate-witness-chunk.ts';
import { ignore, type Verdict } from '../protocol/verdict.ts';
import type { Bytes } from '../util/bytes.ts';
import type { AttestationBoard } from './attestation-board.ts';
import type { EquivocationDetector } from './equivocation-detector.ts';
import type { FullNodeMetrics } from './full-node-metrics.ts';
import type { Clock, FullNodeLimits, FullNodeOptions } from './full-node-options.ts';
import type { Equivocation } from './position-memory.ts';
import { RecentSet } from './recent-set.ts';
import type { ReplicaChain } from './replica-chain.ts';
import type { ReplicaStatus } from './replica-status.ts';
import type { RootVerifier } from './root-verifier.ts';
import type { WitnessAssembler } from './witness-assembler.ts';

export type GossipIntakeOptions = Pick<FullNodeOptions, 'identity' | 'genesis'> &
  Pick<FullNodeLimits, 'reorderBufferMax' | 'blockWindow'>;

export interface GossipIntakeModules {
  readonly gossip: Gossip;
  readonly clock: Clock;
  readonly metrics: FullNodeMetrics;
  readonly chain: ReplicaChain;
  readonly reader: Pick<ChainReader, 'safeNumber'>;
  readonly status: ReplicaStatus;
  readonly detector: EquivocationDetector;
  readonly board: AttestationBoard;
  readonly witnesses: WitnessAssembler;
  readonly verifier: Pick<RootVerifier, 'verifiedThrough'>;
  readonly onSequencerMessage: (message: SequencerMessage, bytes: Bytes) => void;
  /** The sequencer signed something, whether it is of use now or not. */
  readonly onSignedAhead: () => void;
  readonly onEquivocation: (equivocation: Equivocation) => void;
  readonly onWitnessChunk: (chunk: AuthenticChunk) => void;
  readonly onAttestation: (attestation: AuthenticAttestation) => void;
}

/** Ids and statements of attestations remembered as judged: some minutes of a dozen provers. */
const MAX_KNOWN_ATTESTATIONS = 16_384;

/**
 * Joins the topics, judges each message once with the pure validators, and counts the verdicts. What a validator
 * decoded is kept for the handler, so that nothing is decoded twice.
 */
export class GossipIntake {
  readonly #options: GossipIntakeOptions;
  readonly #modules: GossipIntakeModules;
  readonly #knownAttestations = new RecentSet(MAX_KNOWN_ATTESTATIONS);
  readonly #decoded = new WeakMap<Bytes, unknown>();

  constructor(options: GossipIntakeOptions, modules: GossipIntakeModules) {
    this.#options = options;
    this.#modules = modules;
  }

  /** Messages arrive until `signal` aborts. */
  join(signal: AbortSignal): void {
    const { onSequencerMessage, onWitnessChunk, onAttestation } = this.#modules;
    const judge = (bytes: Bytes) => this.#judgeSequencerMessage(bytes);
    this.#join('mini-blocks', signal, judge, decodeSequencerMessage, onSequencerMessage);
    this.#join('seals', signal, judge, decodeSequencerMessage, onSequencerMessage);
    this.#join('witnesses', signal, (bytes) => this.#judgeWitnessChunk(bytes), this.#judgeWitnessAgain, onWitnessChunk);
    this.#join('attestations', signal, (bytes) => this.#judgeAttestation(bytes), this.#judgeAttestationAgain, onAttestation);
  }

  #join<Message>(
    topic: Topic,
    signal: AbortSignal,
    judge: (bytes: Bytes) => CheckedMessage<Message>,
    again: (bytes: Bytes) => Message | undefined,
    handle: (message: Message, bytes: Bytes) => void,
  ): void {
    const validator = (bytes: Bytes): Verdict => {
      // What a halted or stopping node cannot judge it does not pass on either.
      if (signal.aborted || this.#modules.status.isHalted()) return ignore('NOT_FOLLOWING');
      const { verdict, message } = judge(bytes);
      this.#modules.metrics.recordVerdict(topic, verdict);
      if (verdict.kind === 'accept') this.#decoded.set(bytes, message);
      return verdict;
    };
    this.#modules.gossip.subscribe(topic, validator, (bytes) => {
      if (signal.aborted) return;
      const message = (this.#decoded.get(bytes) as Message | undefined) ?? again(bytes);
      if (message !== undefined) handle(message, bytes);
    });
  }

  #judgeSequencerMessage(bytes: Bytes): CheckedMessage<SequencerMessage> {
    const { chain, status, detector, clock, onSignedAhead, onEquivocation } = this.#modules;
    const { identity, genesis, reorderBufferMax, blockWindow } = this.#options;
    const epoch = chain.epoch();
    const checked = validateSequencerMessage(bytes, {
      identity,
      sequencerKeys: genesis.sequencerKeys,
      epoch: epoch.number,
      epochKey: epoch.key,
      epochStartNumber: epoch.startNumber,
      headNumber: chain.head().number,
      headBlock: chain.headBlock(),
      miniBlockWindow: reorderBufferMax,
      blockWindow,
      heartbeatUs: status.heartbeatUs(),
      nowUs: clock.nowUs(),
      knownMiniBlock: (inEpoch, number) => detector.knownMiniBlock(inEpoch, number),
      knownSeal: (inEpoch, blockNumber) => detector.knownSeal(inEpoch, blockNumber),
    });
    const { verdict, message } = checked;
    if (message === undefined || (verdict.kind === 'ignore' && verdict.code === 'CLOCK_AHEAD')) return checked;
    noteSigned(status, message);
    onSignedAhead();
    const equivocation = verdict.kind === 'accept' ? detector.observe(message, bytes) : undefined;
    if (equivocation !== undefined) onEquivocation(equivocation);
    return checked;
  }

  #judgeWitnessChunk(bytes: Bytes): CheckedMessage<AuthenticChunk> {
    const { chain, witnesses, verifier } = this.#modules;
    const { identity, genesis, blockWindow } = this.#options;
    return validateWitnessChunk(bytes, {
      identity,
      sequencerKeys: genesis.sequencerKeys,
      doneBlock: verifier.verifiedThrough(),
      headBlock: chain.headBlock(),
      blockWindow,
      isKnown: (chunk) => witnesses.has(chunk),
      isSignedList: (digest) => witnesses.hasList(digest),
    });
  }

  /** What was accepted once is known from then on. */
  #judgeAttestation(bytes: Bytes): CheckedMessage<AuthenticAttestation> {
    const { chain, reader, board } = this.#modules;
    const { identity, genesis, blockWindow } = this.#options;
    const checked = validateAttestation(bytes, {
      identity,
      provers: genesis.provers,
      oldestBlock: (reader.safeNumber() ?? 0) - blockWindow,
      newestBlock: chain.headBlock() + blockWindow,
      isKnown: (id) => this.#knownAttestations.has(id),
      isExcluded: (prover) => board.isExcluded(prover),
    });
    const { verdict, message } = checked;
    if (verdict.kind !== 'accept' || message === undefined) return checked;
    this.#knownAttestations.add(message.id);
    this.#knownAttestations.add(message.statement);
    return checked;
  }

  // A gossip that hands on a copy of the bytes it validated: the verdict stands, only the decoding is done again.
  readonly #judgeWitnessAgain = (bytes: Bytes): AuthenticChunk | undefined => this.#judgeWitnessChunk(bytes).message;
  readonly #judgeAttestationAgain = (bytes: Bytes): AuthenticAttestation | undefined => {
    const { identity, genesis } = this.#options;
    const anyBlock = { oldestBlock: 0, newestBlock: Number.MAX_SAFE_INTEGER };
    return validateAttestation(bytes, {
      identity,
      provers: genesis.provers,
      ...anyBlock,
      isKnown: () => false,
      isExcluded: () => false,
    }).message;
  };
}

function noteSigned(status: ReplicaStatus, message: SequencerMessage): void {
  switch (message.kind) {
    case 'miniBlock': {
      const { epoch, number, blockNumber } = message.miniBlock.envelope;
      status.noteSigned(epoch, number, blockNumber);
      break;
    }
    case 'blockSeal': {
      const { epoch, lastNumber, header } = message.blockSeal;
      status.noteSigned(epoch, lastNumber, header.number);
      break;
    }
    case 'epochStart':
      status.noteSigned(message.epochStart.epoch, message.epochStart.lastNumber, 0);
      break;
    case 'heartbeat': {
      const { epoch, number, timestampUs } = message.heartbeat;
      status.noteHeartbeat(timestampUs);
      status.noteSigned(epoch, number, 0);
      break;
    }
  }
}
