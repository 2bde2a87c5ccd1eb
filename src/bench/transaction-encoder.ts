import { type Bytes, bigIntToBytes, concatBytes, EMPTY_BYTES, trimLeadingZeros } from '../util/bytes.ts';
import { keccak256 } from '../util/keccak.ts';
import { signDigest } from '../util/secp256k1.ts';

/** An EIP-1559 transaction without an access list; `to` is null when it creates a contract. */
export type TransactionRequest = {
  chainId: bigint;
  nonce: number;
  maxPriorityFeePerGas: bigint;
  maxFeePerGas: bigint;
  gasLimit: bigint;
  to: Bytes | null;
  value: bigint;
  data: Bytes;
};

export type SignedTransaction = { raw: Bytes; hash: Bytes };

const TYPE_1559 = Uint8Array.of(0x02);
const EMPTY_LIST = Uint8Array.of(0xc0);

/** Signs and serialises an EIP-1559 transaction: `0x02 ‖ rlp([...fields, accessList, yParity, r, s])`. */
export function signTransaction(request: TransactionRequest, privateKey: Bytes): SignedTransaction {
  const fields = concatBytes(
    rlpBytes(bigIntToBytes(request.chainId)),
    rlpBytes(bigIntToBytes(BigInt(request.nonce))),
    rlpBytes(bigIntToBytes(request.maxPriorityFeePerGas)),
    rlpBytes(bigIntToBytes(request.maxFeePerGas)),
    rlpBytes(bigIntToBytes(request.gasLimit)),
    rlpBytes(request.to ?? EMPTY_BYTES),
    rlpBytes(bigIntToBytes(request.value)),
    rlpBytes(request.data),
    EMPTY_LIST,
  );
  const digest = keccak256(concatBytes(TYPE_1559, rlpHeader(0xc0, fields.length), fields));
  const signature = signDigest(digest, privateKey);
  const signed = concatBytes(
    fields,
    rlpBytes(signature[64] === 0 ? EMPTY_BYTES : signature.subarray(64)),
    rlpBytes(trimLeadingZeros(signature.subarray(0, 32))),
    rlpBytes(trimLeadingZeros(signature.subarray(32, 64))),
  );
  const raw = concatBytes(TYPE_1559, rlpHeader(0xc0, signed.length), signed);
  return { raw, hash: keccak256(raw) };
}

function rlpBytes(value: Bytes): Bytes {
  if (value.length === 1 && (value[0] as number) < 0x80) return value;
  return concatBytes(rlpHeader(0x80, value.length), value);
}

/** The prefix of a string (`base` 0x80) or a list (`base` 0xc0) of `length` bytes. */
function rlpHeader(base: number, length: number): Bytes {
  if (length < 56) return Uint8Array.of(base + length);
  const lengthBytes = bigIntToBytes(BigInt(length));
  return concatBytes(Uint8Array.of(base + 55 + lengthBytes.length), lengthBytes);
}
