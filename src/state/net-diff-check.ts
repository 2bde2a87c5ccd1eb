import { decodeAccountLeaf } from '../protocol/account-leaf.ts';
import type { ProvenAccount } from '../protocol/ports/proofs.ts';
import { EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash, ZERO_HASH } from '../protocol/primitives.ts';
import { asBytes, decodeRlp } from '../protocol/rlp.ts';
import { type AccountDiff, decodeStateDiff } from '../protocol/state-diff.ts';
import { decodeWitness } from '../protocol/witness.ts';
import { type Bytes, bytesEqual, padTo32 } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { Trie } from './trie.ts';
import type { NodeResolver } from './trie-loader.ts';
import { witnessResolver } from './trie-witness.ts';

/** Hashed keys have 32 bytes in the state trie and in every storage trie. */
const KEY_BYTES = 32;

/**
 * True when every entry of a diff changes something in the state with this root: then the diff is the net effect between
 * two states, of which there is one only (PROTOCOL section 3), up to which codes were new to the chain.
 * @throws StrobeError MISSING_TRIE_NODE, MALFORMED_TRIE_NODE, INVALID_RLP, INVALID_STATE_DIFF when the witness does not say
 */
export function changesAllItLists(witness: Bytes, preStateRoot: Hash, diffBytes: Bytes): boolean {
  const resolver = witnessResolver(decodeWitness(witness).nodes);
  const accounts = Trie.fromRoot(preStateRoot, resolver, KEY_BYTES);
  return decodeStateDiff(diffBytes).accounts.every((account) => {
    const leaf = accounts.get(keccak256(account.address));
    return changesAccount(account, leaf === undefined ? undefined : decodeAccountLeaf(leaf), resolver);
  });
}

function changesAccount(diff: AccountDiff, before: ProvenAccount | undefined, resolver: NodeResolver): boolean {
  if (diff.deleted) return before !== undefined;
  if (diff.nonce !== undefined && diff.nonce === (before?.nonce ?? 0n)) return false;
  if (diff.balance !== undefined && diff.balance === (before?.balance ?? 0n)) return false;
  if (diff.codeHash !== undefined && bytesEqual(diff.codeHash, before?.codeHash ?? EMPTY_CODE_HASH)) return false;
  const storageRoot = before?.storageRoot ?? EMPTY_TRIE_ROOT;
  const storage = bytesEqual(storageRoot, EMPTY_TRIE_ROOT)
    ? Trie.empty(KEY_BYTES)
    : Trie.fromRoot(storageRoot, resolver, KEY_BYTES);
  const slots = diff.slots ?? [];
  const lists = [diff.nonce, diff.balance, diff.codeHash].some((field) => field !== undefined) || slots.length > 0;
  return lists && slots.every(({ key, value }) => !bytesEqual(value, slotOf(storage, key)));
}

function slotOf(storage: Trie, key: Hash): Hash {
  const value = storage.get(keccak256(key));
  return value === undefined ? ZERO_HASH : padTo32(asBytes(decodeRlp(value), 'slot'));
}
