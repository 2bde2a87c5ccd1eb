import { encodeAttestationRecord } from '../protocol/attestation-record.ts';
import { decodeLogRecord } from '../protocol/log-record.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { PeerHead, PeerSource } from '../protocol/ports/network.ts';
import type { Bytes } from '../util/bytes.ts';
import { isMiniBlockRecord } from './log-format.ts';

/** Read access to kept witnesses. */
export interface WitnessReader {
  /** Undefined: not kept (any more). */
  read(blockNumber: number): Promise<Bytes | undefined>;
}

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
    range: (from, limit) => readRange(log, chain, from, limit),
    witness: (blockNumber) => witnesses.read(blockNumber),
  };
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
