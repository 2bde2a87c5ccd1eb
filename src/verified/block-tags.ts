import { fromHex } from '../util/bytes.ts';
import { StrobeError } from '../util/errors.ts';
import type { AttestedHeaders, NodeRequest } from './attested-headers.ts';
import type { HashedHeader } from './block-header-json.ts';
import { readHeader } from './block-header-json.ts';

/** True for state that no block has yet: nothing proves it. */
export function isPending(block: unknown): boolean {
  return block === 'pending';
}

/**
 * The attested header that a block parameter stands for: `latest` and `safe` (and nothing) are the newest attested block,
 * `finalized` the node's finalized block, which must be attested; numbers and hashes must be of attested blocks.
 * @throws StrobeError NOT_ATTESTED, VERIFICATION_FAILED; INVALID_BLOCK for what is no block parameter
 */
export async function attestedHeader(block: unknown, headers: AttestedHeaders, request: NodeRequest): Promise<HashedHeader> {
  if (block === undefined || block === null || block === 'latest' || block === 'safe') return headers.head(request);
  if (block === 'earliest') return headers.byNumber(0, request);
  if (block === 'finalized') {
    // Whether it is final is the node's word; that provers attested it is checked.
    const { hash } = readHeader(await request('eth_getBlockByNumber', ['finalized', false]));
    return headers.byHash(hash, request);
  }
  if (typeof block === 'object') return attestedObject(block, headers, request);
  if (typeof block !== 'string' || !/^0x[0-9a-fA-F]{1,64}$/.test(block)) throw invalidBlock(block);
  return block.length === 66 ? headers.byHash(fromHex(block), request) : headers.byNumber(Number(block), request);
}

/** EIP-1898. */
function attestedObject(block: object, headers: AttestedHeaders, request: NodeRequest): Promise<HashedHeader> {
  const { blockHash, blockNumber } = block as { blockHash?: unknown; blockNumber?: unknown };
  const value = blockHash ?? blockNumber;
  if (typeof value !== 'string') throw invalidBlock(block);
  return attestedHeader(value, headers, request);
}

function invalidBlock(block: unknown): StrobeError<'INVALID_BLOCK'> {
  return new StrobeError('INVALID_BLOCK', 'expected a block number, a hash, a tag or an EIP-1898 object', {
    block: String(block),
  });
}
