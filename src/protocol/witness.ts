import type { Bytes } from '../util/bytes.ts';
import type { Address, Hash } from './primitives.ts';
import { asBytes, asList, decodeRlp, encodeRlp, type RlpItem } from './rlp.ts';

/** An account that the block touched, with the storage keys it touched there. */
export interface WitnessKey {
  readonly address: Address;
  readonly slots: readonly Hash[];
}

/**
 * Everything that executing one block reads (PROTOCOL section 9): root and execution witness in one. `nodes` prove
 * every key of `keys` against the pre-state root, and hold what any update of them needs, deletions too.
 */
export interface Witness {
  /** RLP headers: the parent first, then its ancestors as far as BLOCKHASH looked back. */
  readonly headers: readonly Bytes[];
  /** RLP trie nodes of the state trie and the storage tries, each once. */
  readonly nodes: readonly Bytes[];
  /** Codes that were run or read, each once. */
  readonly codes: readonly Bytes[];
  readonly keys: readonly WitnessKey[];
}

export function encodeWitness(witness: Witness): Bytes {
  const keys = witness.keys.map((key): RlpItem => [key.address, key.slots]);
  return encodeRlp([witness.headers, witness.nodes, witness.codes, keys]);
}

/** @throws StrobeError INVALID_RLP */
export function decodeWitness(bytes: Bytes): Witness {
  const [headers, nodes, codes, keys] = asList(decodeRlp(bytes), 'witness', 4);
  const byteItems = (item: RlpItem | undefined, name: string): Bytes[] => asList(item, name).map((entry) => asBytes(entry, name));
  return {
    headers: byteItems(headers, 'headers'),
    nodes: byteItems(nodes, 'nodes'),
    codes: byteItems(codes, 'codes'),
    keys: asList(keys, 'keys').map((entry): WitnessKey => {
      const [address, slots] = asList(entry, 'key', 2);
      return {
        address: asBytes(address, 'address', 20),
        slots: asList(slots, 'slots').map((slot) => asBytes(slot, 'slot', 32)),
      };
    }),
  };
}
