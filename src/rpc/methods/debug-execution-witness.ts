import type { Block, RpcBackend } from '../../protocol/ports/chain.ts';
import { decodeWitness } from '../../protocol/witness.ts';
import { toHex } from '../../util/bytes.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { findSealedBlock } from '../read-blocks.ts';
import { invalidParams, rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';

/**
 * Everything that executing a sealed block reads: trie nodes, codes, RLP headers of the parent and of further ancestors
 * (the parent first), and what was accessed, each address followed by its slots.
 */
export const debugExecutionWitness: RpcMethod<BlockParam> = {
  name: 'debug_executionWitness',
  maxParams: 1,
  parse: ([value]) => {
    const block = readBlockParam(value);
    if (block.kind === 'tag' && block.tag === 'pending') throw invalidParams('block', 'a pending block has no witness yet');
    return block;
  },
  handle: async (param, { backend }) => {
    const block = await findSealedBlock(param, backend.chain);
    if (block === undefined) throw rpcError('BLOCK_NOT_FOUND', 'block not found');
    const { headers, nodes, codes, keys } = decodeWitness(await readWitness(block, backend));
    return {
      state: nodes.map(toHex),
      codes: codes.map(toHex),
      headers: headers.map(toHex),
      keys: keys.flatMap(({ address, slots }) => [toHex(address), ...slots.map(toHex)]),
    };
  },
};

async function readWitness({ header: { number } }: Block, { chain, witnesses, node }: RpcBackend) {
  if (number === 0) throw rpcError('NOT_AVAILABLE', 'the genesis block was not executed: it has no witness');
  const witness = await witnesses.read(number);
  if (witness !== undefined) return witness;
  // A sequencer writes the witness before the seal, a replica once it has proven the root with it.
  const isYetToCome = node.role === 'replica' && (await chain.blockStatus(number))?.rootVerified === false;
  if (isYetToCome) throw rpcError('NOT_AVAILABLE', `the witness of block ${number} has not arrived yet`);
  throw rpcError('HISTORY_PRUNED', `the witness of block ${number} is pruned`);
}
