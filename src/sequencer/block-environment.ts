import { type BlockEnvironment, type BlockHeader, nextBaseFee, prevRandaoOf } from '../protocol/block-header.ts';
import type { Genesis } from '../protocol/genesis.ts';
import type { Hash } from '../protocol/primitives.ts';

/** The environment of the block after `parent`, opened at `nowMs` (PROTOCOL section 2). */
export function openEnvironment(
  parent: { readonly header: BlockHeader; readonly hash: Hash },
  genesis: Genesis,
  nowMs: number,
): BlockEnvironment {
  const number = parent.header.number + 1;
  return {
    number,
    parentHash: parent.hash,
    timestamp: Math.max(parent.header.timestamp + 1, Math.floor(nowMs / 1000)),
    baseFeePerGas: nextBaseFee(parent.header, genesis.baseFeeFloorWei),
    gasLimit: genesis.gasLimit,
    coinbase: genesis.feeRecipient,
    prevRandao: prevRandaoOf(parent.hash, number),
  };
}
