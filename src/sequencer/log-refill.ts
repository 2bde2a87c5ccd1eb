import { decodeLogRecord } from '../protocol/log-record.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { PeerHead, PeerReader } from '../protocol/ports/network.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import type { MiniBlockHead } from '../state/chain-trail.ts';
import { adoptTail } from './tail-adoption.ts';

export interface LogRefillModules {
  readonly peers: Pick<PeerReader, 'range'>;
  readonly log: Pick<MiniBlockLog, 'append' | 'read' | 'lastNumber'>;
}

/**
 * Fetches from peers what a log lost below the stored head: blocks that were sealed and published, so that peers have
 * them too. Whatever peers do not have stays missing, for the replay of the log to report.
 * @param stored the last mini-block of the stored head
 * @throws StrobeError HIGHER_EPOCH_SEEN, see {@link adoptTail}
 */
export async function refillLog(
  stored: PeerHead,
  chain: { readonly genesisHash: Hash; readonly sequencer: Address },
  { peers, log }: LogRefillModules,
): Promise<void> {
  if (log.lastNumber() >= stored.number) return;
  let tip = await readTip(log, chain.genesisHash);
  await adoptTail(tip.head, stored, chain.sequencer, {
    peers,
    log,
    epoch: stored.epoch,
    sealedBlock: () => tip.sealedBlock,
    // Nothing to apply: the store has it all.
    replay: async () => {
      tip = await readTip(log, chain.genesisHash);
      return tip.head;
    },
  });
}

/** Where the records of the log itself end. */
interface LogTip {
  readonly head: MiniBlockHead;
  /** Newest block whose seal the log has. */
  readonly sealedBlock: number;
}

async function readTip(log: LogRefillModules['log'], genesisHash: Hash): Promise<LogTip> {
  let head: MiniBlockHead = { epoch: 0, number: 0, digest: genesisHash, timestampUs: 0 };
  let sealedBlock = 0;
  for await (const { bytes } of log.read(log.lastNumber())) {
    const record = decodeLogRecord(bytes);
    if (record.kind === 'miniBlock') {
      const { epoch, number, blockNumber, timestampUs } = record.miniBlock.envelope;
      head = { epoch, number, digest: record.miniBlock.digest, timestampUs };
      sealedBlock = blockNumber - 1;
    }
    if (record.kind === 'epochStart') head = { ...head, epoch: record.epochStart.epoch };
    if (record.kind === 'blockSeal') sealedBlock = record.blockSeal.header.number;
  }
  return { head, sealedBlock };
}
