import { encodeAttestationRecord } from '../protocol/attestation-record.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { PeerHead, PeerSource } from '../protocol/ports/network.ts';
import type { WitnessReader } from '../protocol/ports/witnesses.ts';
import type { Bytes } from '../util/bytes.ts';
import { isStrobeError } from '../util/errors.ts';
import { isMiniBlockRecord } from './log-format.ts';

export interface ChainPeerSourceModules {
  /** Newest durable mini-block with the epoch in force. */
  readonly head: () => PeerHead;
  readonly log: Pick<MiniBlockLog, 'read'>;
  readonly chain: Pick<ChainReader, 'attestations'>;
  readonly witnesses: WitnessReader;
}

/**
 * What a node serves to its peers, straight from its log: the exact bytes that were signed, and behind each seal the
 * attestations of its block, since gossip does not repeat those (see attestation-record.ts).
 */
export function createChainPeerSource({ head, log, chain, witnesses }: ChainPeerSourceModules): PeerSource {
  return {
    head,
    range: (from, limit) => rangeAsKept(log, chain, from, limit),
    witness: (blockNumber) => witnesses.read(blockNumber),
  };
}

/**
 * Where the log is pruned, the range ends: at once for records that are gone, so that the peer is told that they are
 * not kept here, and early when they go while it reads.
 */
async function* rangeAsKept(...request: Parameters<typeof readRange>): AsyncIterable<Bytes> {
  try {
    yield* readRange(...request);
  } catch (error) {
    if (!isStrobeError(error, 'LOG_PRUNED')) throw error;
  }
}

async function* readRange(
  log: Pick<MiniBlockLog, 'read'>,
  chain: Pick<ChainReader, 'attestations'>,
  from: number,
  limit: number,
): AsyncIterable<Bytes> {
  let miniBlocks = 0;
  for await (const { bytes } of log.read(from)) {
    if (isMiniBlockRecord(bytes)) {
      // The records behind the last mini-block belong to it, so the answer ends before the next one.
      if (miniBlocks === limit) return;
      miniBlocks++;
      yield bytes;
      continue;
    }
    yield bytes;
    const record = decodeLogRecord(bytes);
    if (record.kind !== 'blockSeal') continue;
    for (const attestation of await chain.attestations(record.blockSeal.header.number))
      yield encodeAttestationRecord(attestation);
  }
}
