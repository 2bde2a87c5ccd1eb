import { attestationRecordPayload, isAttestationRecord } from '../protocol/attestation-record.ts';
import { decodeLogRecord, type LogRecord, recordNumber } from '../protocol/log-record.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { PeerHead, PeerReader } from '../protocol/ports/network.ts';
import type { Address } from '../protocol/primitives.ts';
import { assertSignedBy } from '../protocol/signing.ts';
import { epochOf, signedPart } from '../protocol/validate-sequencer-message.ts';
import type { MiniBlockHead } from '../state/chain-trail.ts';
import { type Bytes, bytesEqual } from '../util/bytes.ts';
import { isStrobeError, StrobeError } from '../util/errors.ts';

/** Answers without progress before a claim is given up; each asks another peer first, so one that hides a tail is not enough. */
const MAX_FRUITLESS = 4;

/** Mini-blocks asked for at once. */
const RANGE_LIMIT = 2_000;

/** Attestations kept of one range: two of every block, were each mini-block a block of its own. About 2 MB. */
const MAX_ATTESTATIONS = 4_096;

export interface TailAdoptionModules {
  readonly peers: Pick<PeerReader, 'range'>;
  readonly log: Pick<MiniBlockLog, 'append'>;
  /** Applies what was appended; resolves with the new head and the epoch in force. */
  readonly replay: () => Promise<MiniBlockHead>;
  /** Is given what provers said of blocks that were applied, where that is not here already. */
  readonly takeAttestations?: (messages: readonly Bytes[]) => Promise<void>;
  /** Newest block whose seal is here already. */
  readonly sealedBlock: () => number;
  /** Newest epoch in our log. */
  readonly epoch: number;
}

/**
 * Takes over the records of our own key that peers have and our log lost (PROTOCOL section 6): they were published, so
 * somebody may rely on them. Only what is signed counts; what a peer merely claims holds nobody up.
 * @param own where the log ends, and the epoch in force there
 * @throws StrobeError HIGHER_EPOCH_SEEN when peers follow an epoch of ours that this log does not know: the data
 * directory is an old copy, or another process took over
 */
export async function adoptTail(
  own: MiniBlockHead,
  claimed: PeerHead,
  self: Address,
  modules: TailAdoptionModules,
): Promise<MiniBlockHead> {
  if (claimed.epoch > modules.epoch && claimed.number < own.number) await assertNoEpochBelow(claimed.number, self, modules);
  let head = own;
  for (let fruitless = 0; fruitless < MAX_FRUITLESS; ) {
    const next = await adoptRange(head, self, modules);
    if (next.number >= claimed.number) return next;
    if (next.number === head.number) fruitless++;
    head = next;
  }
  return head;
}

/**
 * A newer epoch may have given up the end of our log and not have come as far since: then peers have nothing behind our
 * head that would tell of it, but around theirs.
 */
async function assertNoEpochBelow(number: number, self: Address, { peers, epoch }: TailAdoptionModules): Promise<void> {
  for (let answers = 0; answers < MAX_FRUITLESS; answers++) {
    for await (const bytes of untilRefused(peers.range(number, 1))) {
      if (isAttestationRecord(bytes)) continue;
      const record = decodeSigned(bytes, self);
      if (record === undefined) break;
      assertKnownEpoch(record, epoch);
    }
  }
}

async function adoptRange(head: MiniBlockHead, self: Address, modules: TailAdoptionModules): Promise<MiniBlockHead> {
  let tip = head;
  const attestations: Bytes[] = [];
  // From the head itself: its seal may be what is missing.
  for await (const bytes of untilRefused(modules.peers.range(head.number, RANGE_LIMIT))) {
    if (isAttestationRecord(bytes)) {
      if (attestations.length < MAX_ATTESTATIONS) attestations.push(attestationRecordPayload(bytes));
      continue;
    }
    const record = decodeSigned(bytes, self);
    if (record === undefined) break;
    if (isHere(record, tip, modules.sealedBlock())) continue;
    assertKnownEpoch(record, modules.epoch);
    const extended = extend(tip, record);
    if (extended === undefined) break;
    await modules.log.append([{ number: recordNumber(record), bytes }]);
    tip = extended;
  }
  const applied = await modules.replay();
  await modules.takeAttestations?.(attestations);
  return applied;
}

/** What peers send until they have no more, or fail. */
async function* untilRefused(records: AsyncIterable<Bytes>): AsyncGenerator<Bytes> {
  try {
    yield* records;
  } catch (error) {
    if (!isStrobeError(error)) throw error;
  }
}

/** The record, undefined when it is malformed or not signed by `self`. */
function decodeSigned(bytes: Bytes, self: Address): LogRecord | undefined {
  try {
    const record = decodeLogRecord(bytes);
    const { digest, signature } = signedPart(record);
    assertSignedBy(digest, signature, [self]);
    return record;
  } catch (error) {
    if (isStrobeError(error)) return undefined;
    throw error;
  }
}

function assertKnownEpoch(record: LogRecord, epoch: number): void {
  const seen = epochOf(record);
  if (seen <= epoch) return;
  throw new StrobeError(
    'HIGHER_EPOCH_SEEN',
    `peers follow epoch ${seen} of this key and this log ends in epoch ${epoch}: the data directory is an old copy, or another process took over`,
    { peerEpoch: seen, ownEpoch: epoch },
  );
}

function isHere(record: LogRecord, tip: MiniBlockHead, sealedBlock: number): boolean {
  if (record.kind === 'blockSeal') return record.blockSeal.header.number <= sealedBlock;
  if (record.kind === 'epochStart') return record.epochStart.epoch <= tip.epoch;
  return record.miniBlock.envelope.number <= tip.number;
}

/**
 * The tip after a record that continues it; undefined when it does not. What follows an epoch's start is of that epoch:
 * a mini-block of an older one is what the start gave up.
 */
function extend(tip: MiniBlockHead, record: LogRecord): MiniBlockHead | undefined {
  if (record.kind === 'miniBlock') {
    const { envelope, digest } = record.miniBlock;
    const isNext = envelope.number === tip.number + 1 && bytesEqual(envelope.parentDigest, tip.digest);
    // An empty log is in no epoch and gave up nothing.
    const isInEpoch = envelope.epoch === tip.epoch || tip.epoch === 0;
    if (!isNext || !isInEpoch) return undefined;
    return { epoch: envelope.epoch, number: envelope.number, digest, timestampUs: envelope.timestampUs };
  }
  const lastDigest = record.kind === 'blockSeal' ? record.blockSeal.lastDigest : record.epochStart.lastDigest;
  if (recordNumber(record) !== tip.number || !bytesEqual(lastDigest, tip.digest)) return undefined;
  return record.kind === 'epochStart' ? { ...tip, epoch: record.epochStart.epoch } : tip;
}
