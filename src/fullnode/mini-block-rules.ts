import { type BlockEnvironment, type BlockHeader, nextBaseFee, prevRandaoOf } from '../protocol/block-header.ts';
import type { Genesis } from '../protocol/genesis.ts';
import type { MiniBlockEnvelope } from '../protocol/mini-block.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { MiniBlockContents } from '../protocol/validate-mini-block-contents.ts';
import type { MiniBlockHead, OpenBlockState } from '../state/chain-trail.ts';
import { bytesEqual } from '../util/bytes.ts';
import { type FaultRule, sequencerFault } from './sequencer-fault.ts';

/** Where the next mini-block has to fit. */
export interface ChainPosition {
  readonly head: MiniBlockHead;
  readonly open: OpenBlockState | undefined;
  /** Newest sealed block. */
  readonly parent: { readonly header: BlockHeader; readonly hash: Hash };
}

export type EnvironmentRules = Pick<Genesis, 'gasLimit' | 'feeRecipient' | 'baseFeeFloorWei'>;

/**
 * Checks that a mini-block with the number and epoch that are due continues the chain (PROTOCOL section 2), and gives
 * the environment of its block.
 * @throws StrobeError SEQUENCER_FAULT
 */
export function checkMiniBlock(envelope: MiniBlockEnvelope, position: ChainPosition, rules: EnvironmentRules): BlockEnvironment {
  const { head, open, parent } = position;
  const fail = (rule: FaultRule, what: string) =>
    sequencerFault(rule, `mini-block ${envelope.number}: ${what}`, { number: envelope.number });
  if (!bytesEqual(envelope.parentDigest, head.digest))
    throw fail('WRONG_PARENT', 'the parent digest is not that of the mini-block before');
  if (envelope.timestampUs <= head.timestampUs) throw fail('WRONG_TIMESTAMP', 'the timestamp does not increase');
  const expectedIndex = open?.nextIndex ?? 0;
  const expectedBlock = open?.env.number ?? parent.header.number + 1;
  if (envelope.index !== expectedIndex || envelope.blockNumber !== expectedBlock) {
    throw fail('WRONG_POSITION', `is ${envelope.blockNumber}/${envelope.index}, ${expectedBlock}/${expectedIndex} is due`);
  }
  if (open !== undefined) return open.env;
  const env = envelope.env;
  if (env === undefined) throw fail('WRONG_ENVIRONMENT', 'a block opens without an environment');
  const wrong = wrongEnvironmentField(env, parent, rules);
  if (wrong !== undefined) throw fail('WRONG_ENVIRONMENT', `${wrong} is not what follows from the parent`);
  return env;
}

/** The field of a block's environment that does not follow from its parent; undefined when all do. */
export function wrongEnvironmentField(
  env: BlockEnvironment,
  parent: ChainPosition['parent'],
  rules: EnvironmentRules,
): string | undefined {
  const number = parent.header.number + 1;
  if (env.number !== number) return 'number';
  if (!bytesEqual(env.parentHash, parent.hash)) return 'parentHash';
  if (env.timestamp <= parent.header.timestamp) return 'timestamp';
  if (env.baseFeePerGas !== nextBaseFee(parent.header, rules.baseFeeFloorWei)) return 'baseFeePerGas';
  if (env.gasLimit !== rules.gasLimit) return 'gasLimit';
  if (!bytesEqual(env.coinbase, rules.feeRecipient)) return 'coinbase';
  if (!bytesEqual(env.prevRandao, prevRandaoOf(parent.hash, number))) return 'prevRandao';
  return undefined;
}

/**
 * Checks what the receipts say against the transactions and the block so far, as far as that needs no execution.
 * @throws StrobeError SEQUENCER_FAULT
 */
export function checkReceipts(
  number: number,
  contents: Pick<MiniBlockContents, 'body' | 'decoded'>,
  gasUsedBefore: bigint,
  gasLimit: bigint,
): void {
  const fail = (what: string) => sequencerFault('WRONG_CONTENTS', `mini-block ${number}: ${what}`, { number });
  let gasUsed = gasUsedBefore;
  for (const [index, receipt] of contents.body.receipts.entries()) {
    const transaction = contents.decoded[index];
    if (transaction?.type !== receipt.type) throw fail(`the type of receipt ${index} is not its transaction's`);
    const spent = receipt.cumulativeGasUsed - gasUsed;
    if (spent <= 0n || spent > transaction.gasLimit) throw fail(`the gas of receipt ${index} is not its transaction's`);
    gasUsed = receipt.cumulativeGasUsed;
  }
  if (gasUsed > gasLimit) throw fail('more gas was used than the block has');
}
