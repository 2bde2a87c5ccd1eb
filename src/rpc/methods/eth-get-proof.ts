import type { SlotProof, StateProof } from '../../protocol/ports/proofs.ts';
import { type Address, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash } from '../../protocol/primitives.ts';
import { bytesToBigInt, type Hex, toHex } from '../../util/bytes.ts';
import { isStrobeError, type StrobeError } from '../../util/errors.ts';
import { quantity } from '../../util/quantity.ts';
import { type BlockParam, readBlockParam } from '../block-param.ts';
import { readAddress, readArray, readStorageKey } from '../read-params.ts';
import { rpcError } from '../rpc-error.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { sealedHeaderAt } from '../state-at-block.ts';

/** A slot as it was asked for: the answer names it in the same form. */
interface ProofKey {
  readonly slot: Hash;
  readonly asked: Hex;
}

interface ProofParams {
  readonly address: Address;
  readonly keys: readonly unknown[];
  readonly block: BlockParam;
}

/** Characters of `0x` and 32 bytes. */
const WHOLE_KEY_LENGTH = 66;

/** EIP-1186, of sealed blocks: `latest` and `pending` are the newest sealed one, since its header is what a proof is of. */
export const ethGetProof: RpcMethod<ProofParams> = {
  name: 'eth_getProof',
  maxParams: 3,
  parse: ([address, keys, block]) => ({
    address: readAddress(address, 'address'),
    keys: readArray(keys, 'storageKeys', Number.POSITIVE_INFINITY),
    block: readBlockParam(block),
  }),
  handle: async ({ address, keys: given, block }, { backend: { chain, stateProofs }, limits }) => {
    const keys = readArray(given, 'storageKeys', limits.maxProofKeys).map(readKey);
    if (stateProofs === undefined) {
      throw rpcError('METHOD_NOT_SUPPORTED', 'this node keeps no state trie: start it with --trie to have eth_getProof');
    }
    const { number, stateRoot } = await sealedHeaderAt(block, chain);
    const slots = keys.map(({ slot }) => slot);
    try {
      return formatProof(address, keys, await stateProofs.prove({ number, stateRoot }, address, slots));
    } catch (error) {
      if (!isStrobeError(error, 'PROOF_NOT_AVAILABLE')) throw error;
      const message = 'distance to target block exceeds maximum proof window';
      throw rpcError('PROOF_NOT_AVAILABLE', `${message}: the tries of block ${number} are not kept${reachOf(error)}`);
    }
  },
};

function reachOf({ meta: { blocks, oldest } }: StrobeError): string {
  if (oldest !== undefined) return `, those from block ${oldest} on are`;
  return blocks === undefined ? '' : `, those of the newest ${blocks} are`;
}

function readKey(value: unknown, index: number): ProofKey {
  const slot = readStorageKey(value, `storageKeys[${index}]`);
  const isWhole = String(value).length === WHOLE_KEY_LENGTH;
  return { slot, asked: isWhole ? toHex(slot) : quantity(bytesToBigInt(slot)) };
}

function formatProof(address: Address, keys: readonly ProofKey[], { account, accountProof, slots }: StateProof) {
  return {
    address: toHex(address),
    accountProof: accountProof.map(toHex),
    balance: quantity(account?.balance ?? 0n),
    codeHash: toHex(account?.codeHash ?? EMPTY_CODE_HASH),
    nonce: quantity(account?.nonce ?? 0n),
    storageHash: toHex(account?.storageRoot ?? EMPTY_TRIE_ROOT),
    storageProof: keys.map(({ asked }, index) => {
      const { value, proof } = slots[index] as SlotProof;
      return { key: asked, value: quantity(bytesToBigInt(value)), proof: proof.map(toHex) };
    }),
  };
}
