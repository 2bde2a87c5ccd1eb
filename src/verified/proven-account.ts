import { decodeAccountLeaf } from '../protocol/account-leaf.ts';
import type { ProvenAccount } from '../protocol/ports/proofs.ts';
import { type Address, EMPTY_CODE_HASH, EMPTY_TRIE_ROOT, type Hash } from '../protocol/primitives.ts';
import { asBigInt, decodeRlp } from '../protocol/rlp.ts';
import { type Bytes, bytesEqual, bytesToBigInt, toHex } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { quantity } from '../util/quantity.ts';
import type { NodeRequest } from './attested-headers.ts';
import type { HashedHeader } from './block-header-json.ts';
import { asArray, asData, asNodes, asObject, asQuantity, type JsonObject } from './json-fields.ts';
import { provenValue } from './merkle-proof.ts';
import { checking, verificationFailed } from './verification-error.ts';

/** An account and slots of it, proven; one that does not exist is empty. */
export interface ProvenState {
  readonly nonce: bigint;
  readonly balance: bigint;
  readonly codeHash: Hash;
  readonly storageRoot: Hash;
  /** Values in the order of the keys. */
  readonly slots: readonly bigint[];
  /** The answer of eth_getProof, of which everything was checked. */
  readonly answer: JsonObject;
}

const ABSENT: ProvenAccount = { nonce: 0n, balance: 0n, storageRoot: EMPTY_TRIE_ROOT, codeHash: EMPTY_CODE_HASH };

/**
 * Asks for an account with its proof at an attested block, and checks the one by the other.
 * @param keys 32 bytes each
 * @throws StrobeError VERIFICATION_FAILED
 */
export async function proveState(
  address: Address,
  keys: readonly Hash[],
  { header, hash }: HashedHeader,
  request: NodeRequest,
): Promise<ProvenState> {
  const params = [toHex(address), keys.map(toHex), { blockHash: toHex(hash) }];
  const answer = asObject(await request('eth_getProof', params), 'proof');
  const leaf = checkAccount(answer, header.stateRoot, address);
  const items = asArray(answer['storageProof'], 'storageProof', keys.length);
  const slots = keys.map((key, index) => checkSlot(asObject(items[index], 'storageProof'), key, leaf.storageRoot));
  return { ...leaf, slots, answer: formatAnswer(answer, { address, keys, leaf, slots, items }) };
}

function checkAccount(answer: JsonObject, stateRoot: Hash, address: Address): ProvenAccount {
  const nodes = asNodes(answer['accountProof'], 'accountProof');
  const leaf = checking('account proof', () => {
    const value = provenValue(stateRoot, keccak256(address), nodes);
    return value === undefined ? ABSENT : decodeAccountLeaf(value);
  });
  compare('balance', asQuantity(answer['balance'], 'balance'), leaf.balance);
  compare('nonce', asQuantity(answer['nonce'], 'nonce'), leaf.nonce);
  // Nodes differ in what they call the hashes of an account that does not exist.
  if (leaf === ABSENT) return leaf;
  compare('storageHash', bytesToBigInt(asData(answer['storageHash'], 'storageHash', 32)), bytesToBigInt(leaf.storageRoot));
  compare('codeHash', bytesToBigInt(asData(answer['codeHash'], 'codeHash', 32)), bytesToBigInt(leaf.codeHash));
  return leaf;
}

function checkSlot(item: JsonObject, key: Hash, storageRoot: Hash): bigint {
  const nodes = asNodes(item['proof'], 'storageProof.proof');
  const value = checking('storage proof', () => {
    const found = provenValue(storageRoot, keccak256(key), nodes);
    return found === undefined ? 0n : asBigInt(decodeRlp(found), 'slot value');
  });
  const claimed = asQuantity(item['value'], 'storageProof.value');
  if (claimed === value) return value;
  const meta = { slot: toHex(key), claimed: quantity(claimed), proven: quantity(value) };
  throw verificationFailed('storage value', 'a slot does not have the value that its proof shows', meta);
}

function compare(field: string, claimed: bigint, proven: bigint): void {
  if (claimed === proven) return;
  const meta = { field, claimed: quantity(claimed), proven: quantity(proven) };
  throw verificationFailed('account value', `the ${field} is not the one that the proof shows`, meta);
}

interface CheckedAnswer {
  readonly address: Address;
  readonly keys: readonly Hash[];
  readonly leaf: ProvenAccount;
  readonly slots: readonly bigint[];
  readonly items: readonly unknown[];
}

/** Made anew of what was checked: nothing else of the node's answer gets through. */
function formatAnswer(answer: JsonObject, { address, keys, leaf, slots, items }: CheckedAnswer): JsonObject {
  return {
    address: toHex(address),
    accountProof: answer['accountProof'],
    balance: quantity(leaf.balance),
    codeHash: toHex(leaf.codeHash),
    nonce: quantity(leaf.nonce),
    storageHash: toHex(leaf.storageRoot),
    storageProof: keys.map((key, index) => ({
      key: toHex(key),
      value: quantity(slots[index] as bigint),
      proof: (items[index] as JsonObject)['proof'],
    })),
  };
}

/**
 * The code of an account whose code hash was proven.
 * @throws StrobeError VERIFICATION_FAILED
 */
export async function proveCode(address: Address, codeHash: Hash, { hash }: HashedHeader, request: NodeRequest): Promise<Bytes> {
  if (bytesEqual(codeHash, EMPTY_CODE_HASH)) return new Uint8Array(0);
  const code = asData(await request('eth_getCode', [toHex(address), { blockHash: toHex(hash) }]), 'code');
  const computed = keccak256(code);
  if (bytesEqual(computed, codeHash)) return code;
  const meta = { computed: toHex(computed), proven: toHex(codeHash) };
  throw verificationFailed('code hash', 'the code does not have the hash that the account has', meta);
}
