import { type BlockHeader, encodeHeader, hashHeader } from '../protocol/block-header.ts';
import type { Block, MiniBlockCommit } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import type { BlockSeal } from '../protocol/sequencer-messages.ts';
import { bytesEqual } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import { blockSize } from './block-size.ts';
import type { OpenBlockBuilder } from './open-block.ts';

/** The newest sealed block: where replaying the log begins after a restart. */
export interface ChainHead {
  readonly header: BlockHeader;
  readonly hash: Hash;
  /** Number of its last mini-block, 0 at genesis. */
  readonly lastMiniBlock: number;
  /** Digest of that mini-block, the genesis hash at genesis. */
  readonly lastDigest: Hash;
  /** Undefined at genesis. */
  readonly seal: BlockSeal | undefined;
}

export function genesisHead(header: BlockHeader): ChainHead {
  const hash = hashHeader(header);
  return { header, hash, lastMiniBlock: 0, lastDigest: hash, seal: undefined };
}

export function headOf(seal: BlockSeal): ChainHead {
  const { header, lastNumber, lastDigest } = seal;
  return { header, hash: hashHeader(header), lastMiniBlock: lastNumber, lastDigest, seal };
}

/** Block 0: no transactions and no mini-blocks. */
export function genesisBlock(header: BlockHeader): Block {
  return {
    header,
    hash: hashHeader(header),
    transactions: [],
    sizeBytes: blockSize(encodeHeader(header).length, 0),
    firstMiniBlock: 0,
    lastMiniBlock: 0,
  };
}

/** @throws StrobeError MINI_BLOCK_DOES_NOT_FIT when it does not follow the newest mini-block */
export function assertFollows({ miniBlock, env }: MiniBlockCommit, head: ChainHead, open: OpenBlockBuilder | undefined): void {
  const { number, parentDigest, blockNumber, index } = miniBlock.envelope;
  const newest = open?.tip ?? { number: head.lastMiniBlock, digest: head.lastDigest };
  const fits =
    number === newest.number + 1 &&
    index === (open?.miniBlocks.length ?? 0) &&
    blockNumber === head.header.number + 1 &&
    env.number === blockNumber &&
    bytesEqual(parentDigest, newest.digest);
  if (fits) return;
  throw new StrobeError('MINI_BLOCK_DOES_NOT_FIT', 'the mini-block does not follow the newest one', {
    number,
    blockNumber,
    newest: newest.number,
    head: head.header.number,
  });
}

/** @throws StrobeError SEAL_DOES_NOT_FIT when it does not close the open block on top of the head */
export function assertSeals(
  seal: BlockSeal,
  head: ChainHead,
  open: OpenBlockBuilder | undefined,
): asserts open is OpenBlockBuilder {
  const { header, firstNumber, lastNumber, lastDigest } = seal;
  const fits =
    open !== undefined &&
    header.number === open.env.number &&
    bytesEqual(header.parentHash, head.hash) &&
    firstNumber === head.lastMiniBlock + 1 &&
    lastNumber === open.tip.number &&
    bytesEqual(lastDigest, open.tip.digest);
  if (fits) return;
  throw new StrobeError('SEAL_DOES_NOT_FIT', 'the seal does not close the open block', {
    blockNumber: header.number,
    lastNumber,
    newest: open?.tip.number ?? head.lastMiniBlock,
  });
}
