import { type Bytes, concatBytes, EMPTY_BYTES } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import type { Address, Hash } from './primitives.ts';
import { encodeRlp, fromNumber, type RlpItem } from './rlp.ts';
import type { Authorization, TransactionFields, TransactionType } from './transaction.ts';

/** A transaction that nobody signed. Blobs (type 3) are possible here only. */
export interface SimulatedFields extends TransactionFields {
  readonly type: TransactionType | 3;
  readonly sender: Address;
  readonly chainId: bigint;
  readonly maxFeePerBlobGas: bigint;
  readonly blobVersionedHashes: readonly Hash[];
}

export interface SimulatedTransaction extends SimulatedFields {
  /** Encoded as a signed one whose signature is all zeros. */
  readonly raw: Bytes;
  readonly hash: Hash;
  /** What stands for it in the RLP of a block. */
  readonly bodyItem: RlpItem;
}

const NO_SIGNATURE: readonly RlpItem[] = [EMPTY_BYTES, EMPTY_BYTES, EMPTY_BYTES];

export function createSimulatedTransaction(fields: SimulatedFields): SimulatedTransaction {
  const items = [...payload(fields), ...NO_SIGNATURE];
  const encoded = encodeRlp(items);
  const raw = fields.type === 0 ? encoded : concatBytes(Uint8Array.of(fields.type), encoded);
  return { ...fields, raw, hash: keccak256(raw), bodyItem: fields.type === 0 ? items : raw };
}

/** The fields in front of the signature (EIP-2930, 1559, 4844, 7702). */
function payload(fields: SimulatedFields): RlpItem[] {
  const { type } = fields;
  const nonce = fromNumber(fields.nonce);
  const price = fromNumber(fields.maxFeePerGas);
  const message = [fromNumber(fields.gasLimit), fields.to ?? EMPTY_BYTES, fromNumber(fields.value), fields.data];
  if (type === 0) return [nonce, price, ...message];
  const chainId = fromNumber(fields.chainId);
  const accessList = fields.accessList.map(({ address, storageKeys }) => [address, storageKeys]);
  if (type === 1) return [chainId, nonce, price, ...message, accessList];
  const typed = [chainId, nonce, fromNumber(fields.maxPriorityFeePerGas), price, ...message, accessList];
  if (type === 2) return typed;
  if (type === 3) return [...typed, fromNumber(fields.maxFeePerBlobGas), fields.blobVersionedHashes];
  return [...typed, fields.authorizationList.map(authorizationItems)];
}

function authorizationItems({ chainId, address, nonce, yParity, r, s }: Authorization): RlpItem[] {
  return [fromNumber(chainId), address, fromNumber(nonce), fromNumber(yParity), fromNumber(r), fromNumber(s)];
}
