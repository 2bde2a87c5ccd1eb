import { join } from 'node:path';
import { encodeSequencerMessage } from '../../src/protocol/log-record.ts';
import type { LogEntry } from '../../src/protocol/ports/log.ts';
import { epochStartDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { openDataFormat } from '../../src/store/data-format.ts';
import { SegmentLog } from '../../src/store/segment-log.ts';
import type { ExecutedBlock, ExecutedChain } from './executed-chain.ts';

/** Fills the data directory of a node that never ran with the log of a chain, as if it had followed that from its begin. */
export async function writeChainLog(dataDir: string, chain: ExecutedChain, blocks: readonly ExecutedBlock[]): Promise<void> {
  const { genesisHash } = chain.identity;
  await openDataFormat(dataDir, genesisHash, { version: 'test' });
  const { log } = await SegmentLog.open({ directory: join(dataDir, 'log'), genesisHash, durability: 'os' });
  await log.append([firstEpoch(chain), ...blocks.flatMap(recordsOf)]);
  await log.close();
}

function firstEpoch({ identity: { genesisHash }, sequencer }: ExecutedChain): LogEntry {
  const unsigned = { genesisHash, epoch: 1, lastNumber: 0, lastDigest: genesisHash, sequencerKey: sequencer.address };
  const epochStart = withSignature(unsigned, epochStartDigest(unsigned), sequencer);
  return { number: 0, bytes: encodeSequencerMessage({ kind: 'epochStart', epochStart }) };
}

function recordsOf({ miniBlocks, seal }: ExecutedBlock): LogEntry[] {
  return [
    ...miniBlocks.map((miniBlock) => ({
      number: miniBlock.envelope.number,
      bytes: encodeSequencerMessage({ kind: 'miniBlock', miniBlock }),
    })),
    { number: seal.lastNumber, bytes: encodeSequencerMessage({ kind: 'blockSeal', blockSeal: seal }) },
  ];
}
