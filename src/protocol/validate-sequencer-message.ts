import { type Bytes, bytesEqual } from '../util/bytes.ts';
import type { Signature } from '../util/signature.ts';
import type { ChainIdentity } from './genesis.ts';
import { MAX_CLOCK_AHEAD_US } from './limits.ts';
import { decodeSequencerMessage, type SequencerMessage } from './log-record.ts';
import type { Address, Hash } from './primitives.ts';
import { blockSealDigest, epochStartDigest, heartbeatDigest } from './sequencer-messages.ts';
import { type CheckedMessage, checkSigner, decodeHostile, isRefusal, refused } from './validate-common.ts';
import { ACCEPT, ignore, reject, type Verdict } from './verdict.ts';

/** What a node knows when it judges a message of the sequencer. */
export interface SequencerMessageContext {
  readonly identity: ChainIdentity;
  /** Keys that may sign as sequencer. */
  readonly sequencerKeys: readonly Address[];
  /** The epoch in force. */
  readonly epoch: number;
  /** The only key that signs in that epoch; undefined: nothing has said so yet, and any of `sequencerKeys` may. */
  readonly epochKey: Address | undefined;
  /** Mini-block that the epoch continued from: older epochs may still seal up to it. */
  readonly epochStartNumber: number;
  /** Newest applied mini-block and newest sealed block. */
  readonly headNumber: number;
  readonly headBlock: number;
  /** How far above the head a message is of use. */
  readonly miniBlockWindow: number;
  readonly blockWindow: number;
  /** `timestampUs` of the newest heartbeat, 0 before the first. */
  readonly heartbeatUs: number;
  readonly nowUs: number;
  /** Digest that was checked before at this position, if it is still remembered. */
  knownMiniBlock(epoch: number, number: number): Hash | undefined;
  knownSeal(epoch: number, blockNumber: number): Hash | undefined;
}

/**
 * Judges a message of the sequencer (PROTOCOL sections 6 and 7). A second digest at a position whose first one is
 * remembered is accepted when its signature is good: it is one half of an equivocation proof and others need it too.
 */
export function validateSequencerMessage(bytes: Bytes, context: SequencerMessageContext): CheckedMessage<SequencerMessage> {
  const decoded = decodeHostile(bytes, decodeSequencerMessage);
  if (isRefusal(decoded)) return decoded;
  if (!bytesEqual(genesisHashOf(decoded), context.identity.genesisHash)) return refused(reject('WRONG_CHAIN'));
  const { digest, signature } = signedPart(decoded);
  const dropped = checkNews(decoded, digest, context);
  if (dropped !== undefined) return refused(dropped);
  const signed = checkSigner(digest, signature, signersOf(decoded, context));
  if (isRefusal(signed)) return signed;
  return { verdict: checkRange(decoded, context), message: decoded };
}

/** True when `message` is signed by whoever may sign it here; for messages that were asked for and not gossiped. */
export function isSequencerSigned(
  message: SequencerMessage,
  context: Pick<SequencerMessageContext, 'identity' | 'sequencerKeys' | 'epoch' | 'epochKey'>,
): boolean {
  if (!bytesEqual(genesisHashOf(message), context.identity.genesisHash)) return false;
  const { digest, signature } = signedPart(message);
  return !isRefusal(checkSigner(digest, signature, signersOf(message, context)));
}

/** The digest and signature of a message. */
export function signedPart(message: SequencerMessage): { digest: Hash; signature: Signature } {
  switch (message.kind) {
    case 'miniBlock':
      return { digest: message.miniBlock.digest, signature: message.miniBlock.envelope.signature };
    case 'epochStart':
      return { digest: epochStartDigest(message.epochStart), signature: message.epochStart.signature };
    case 'blockSeal':
      return { digest: blockSealDigest(message.blockSeal), signature: message.blockSeal.signature };
    case 'heartbeat':
      return { digest: heartbeatDigest(message.heartbeat), signature: message.heartbeat.signature };
  }
}

export function genesisHashOf(message: SequencerMessage): Hash {
  switch (message.kind) {
    case 'miniBlock':
      return message.miniBlock.envelope.genesisHash;
    case 'epochStart':
      return message.epochStart.genesisHash;
    case 'blockSeal':
      return message.blockSeal.genesisHash;
    case 'heartbeat':
      return message.heartbeat.genesisHash;
  }
}

export function epochOf(message: SequencerMessage): number {
  switch (message.kind) {
    case 'miniBlock':
      return message.miniBlock.envelope.epoch;
    case 'epochStart':
      return message.epochStart.epoch;
    case 'blockSeal':
      return message.blockSeal.epoch;
    case 'heartbeat':
      return message.heartbeat.epoch;
  }
}

function signersOf(
  message: SequencerMessage,
  { sequencerKeys, epoch, epochKey }: Pick<SequencerMessageContext, 'sequencerKeys' | 'epoch' | 'epochKey'>,
): readonly Address[] {
  if (message.kind === 'epochStart') {
    return sequencerKeys.filter((key) => bytesEqual(key, message.epochStart.sequencerKey));
  }
  return epochOf(message) === epoch && epochKey !== undefined ? [epochKey] : sequencerKeys;
}

/** Drops what is known or old before the costly signature check. */
function checkNews(message: SequencerMessage, digest: Hash, context: SequencerMessageContext): Verdict | undefined {
  switch (message.kind) {
    case 'miniBlock':
      return checkMiniBlockNews(message.miniBlock.envelope, digest, context);
    case 'blockSeal': {
      const { epoch, lastNumber, header } = message.blockSeal;
      if (epoch < context.epoch && lastNumber > context.epochStartNumber) return ignore('OLD_EPOCH');
      const isOld = epoch <= context.epoch && header.number <= context.headBlock;
      return checkPosition(digest, context.knownSeal(epoch, header.number), isOld);
    }
    case 'epochStart':
      if (message.epochStart.epoch < context.epoch) return ignore('OLD_EPOCH');
      return message.epochStart.epoch === context.epoch && context.epochKey !== undefined ? ignore('KNOWN') : undefined;
    case 'heartbeat':
      if (message.heartbeat.epoch < context.epoch) return ignore('OLD_EPOCH');
      return message.heartbeat.timestampUs <= context.heartbeatUs ? ignore('OLD') : undefined;
  }
}

function checkMiniBlockNews(
  { chainId, epoch, number }: { chainId: number; epoch: number; number: number },
  digest: Hash,
  context: SequencerMessageContext,
): Verdict | undefined {
  if (chainId !== context.identity.chainId) return reject('WRONG_CHAIN');
  const known = context.knownMiniBlock(epoch, number);
  if (epoch < context.epoch && known === undefined) return ignore('OLD_EPOCH');
  return checkPosition(digest, known, epoch <= context.epoch && number <= context.headNumber);
}

function checkPosition(digest: Hash, known: Hash | undefined, isOld: boolean): Verdict | undefined {
  if (known === undefined) return isOld ? ignore('OLD') : undefined;
  return bytesEqual(known, digest) ? ignore('KNOWN') : undefined;
}

/** What is signed well but of no use now. */
function checkRange(message: SequencerMessage, context: SequencerMessageContext): Verdict {
  const latestUs = context.nowUs + MAX_CLOCK_AHEAD_US;
  switch (message.kind) {
    case 'miniBlock': {
      const { number, timestampUs } = message.miniBlock.envelope;
      if (timestampUs > latestUs) return ignore('CLOCK_AHEAD');
      return number > context.headNumber + context.miniBlockWindow ? ignore('TOO_EARLY') : ACCEPT;
    }
    case 'blockSeal':
      return message.blockSeal.header.number > context.headBlock + context.blockWindow ? ignore('TOO_EARLY') : ACCEPT;
    case 'heartbeat':
      return message.heartbeat.timestampUs > latestUs ? ignore('CLOCK_AHEAD') : ACCEPT;
    case 'epochStart':
      return ACCEPT;
  }
}
