import { hashHeader } from '../../protocol/block-header.ts';
import type { ChainReader } from '../../protocol/ports/chain.ts';
import type { MiniBlockLog } from '../../protocol/ports/log.ts';
import { bytesEqual } from '../../util/bytes.ts';
import type { AttestedOffer } from './attested-offers.ts';

export interface LeadsOnModules {
  readonly chain: Pick<ChainReader, 'safeNumber' | 'sealOf' | 'miniBlockNumber'>;
  readonly log: Pick<MiniBlockLog, 'firstNumber' | 'lastNumber'>;
}

/** True for a snapshot of a safe block of this node's chain from which on its log has everything. */
export async function leadsOn(
  { blockNumber, blockHash }: Pick<AttestedOffer, 'blockNumber' | 'blockHash'>,
  { chain, log }: LeadsOnModules,
): Promise<boolean> {
  if (blockNumber > (chain.safeNumber() ?? 0)) return false;
  const seal = await chain.sealOf(blockNumber);
  if (seal === undefined || !bytesEqual(hashHeader(seal.header), blockHash)) return false;
  const first = log.firstNumber();
  return first !== undefined && first <= seal.lastNumber && log.lastNumber() >= chain.miniBlockNumber();
}
