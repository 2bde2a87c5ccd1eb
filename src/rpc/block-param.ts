import type { Block, ChainReader, OpenBlock } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { isAbsent, readHash, readObject, readSafeInteger } from './read-params.ts';
import { invalidParams, rpcError } from './rpc-error.ts';

const TAGS = ['earliest', 'latest', 'pending', 'safe', 'finalized'] as const;
export type BlockTag = (typeof TAGS)[number];

/** A block by its number, or by a tag that stands for one. */
export type BlockNumberParam =
  | { readonly kind: 'tag'; readonly tag: BlockTag }
  | { readonly kind: 'number'; readonly number: number };

export type BlockParam = BlockNumberParam | { readonly kind: 'hash'; readonly hash: Hash };

export const LATEST: BlockNumberParam = { kind: 'tag', tag: 'latest' };

/**
 * A block as the methods take it: absent (latest), a tag, a number, a hash, or EIP-1898's
 * `{blockNumber}` or `{blockHash, requireCanonical?}` (every block here is canonical).
 */
export function readBlockParam(value: unknown, field = 'block'): BlockParam {
  if (isAbsent(value)) return LATEST;
  if (typeof value === 'object') return readBlockObject(value, field);
  const tag = TAGS.find((name) => name === value);
  if (tag !== undefined) return { kind: 'tag', tag };
  if (typeof value === 'string' && value.length === 66) return { kind: 'hash', hash: readHash(value, field) };
  if (typeof value === 'string' && value.startsWith('0x')) return { kind: 'number', number: readSafeInteger(value, field) };
  throw invalidParams(field, 'expected a block number in hex, a block hash or a block tag');
}

function readBlockObject(value: unknown, field: string): BlockParam {
  const { blockHash, blockNumber } = readObject(value, field) as { blockHash?: unknown; blockNumber?: unknown };
  if (!isAbsent(blockHash) && !isAbsent(blockNumber)) {
    throw invalidParams(field, 'cannot specify both blockHash and blockNumber, choose one or the other');
  }
  if (!isAbsent(blockHash)) return { kind: 'hash', hash: readHash(blockHash, `${field}.blockHash`) };
  if (isAbsent(blockNumber)) throw invalidParams(field, 'expected blockHash or blockNumber');
  return readBlockParam(blockNumber, `${field}.blockNumber`);
}

/** A block number or tag, for the methods that take no hash. */
export function readBlockNumberParam(value: unknown, field = 'block'): BlockNumberParam {
  const param = readBlockParam(value, field);
  if (param.kind === 'hash') throw invalidParams(field, 'expected a block number or tag');
  return param;
}

/**
 * The number that a tag or number stands for; it may lie above the head. `earliest` is the caller's to know: the oldest
 * block that is left (see read-blocks.ts) is not the oldest state.
 * @throws StrobeError UNKNOWN_BLOCK when there is no safe or finalized block yet
 */
export function blockNumberOf(param: BlockNumberParam, chain: ChainReader, earliest: number): number {
  if (param.kind === 'number') return param.number;
  switch (param.tag) {
    case 'earliest':
      return earliest;
    case 'latest':
      return chain.head().header.number;
    case 'pending':
      return chain.openBlock()?.env.number ?? chain.head().header.number;
    case 'safe':
      return known(chain.safeNumber(), 'safe');
    case 'finalized':
      return known(chain.finalizedNumber(), 'finalized');
  }
}

function known(number: number | undefined, tag: string): number {
  if (number === undefined) throw rpcError('UNKNOWN_BLOCK', `${tag} block not found`);
  return number;
}

export function isSealed(block: Block | OpenBlock): block is Block {
  return 'header' in block;
}
