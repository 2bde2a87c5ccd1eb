import { type Bytes, bigIntToBytes32, concatBytes, fromHex } from '../../src/util/bytes.ts';

/** Init code that deploys `runtime` as it is. */
export function initCodeOf(runtime: Bytes): Bytes {
  // PUSH2 length, DUP1, PUSH1 12, PUSH1 0, CODECOPY, PUSH1 0, RETURN
  const prefix = Uint8Array.of(0x61, runtime.length >> 8, runtime.length & 255, 0x80, 0x60, 12, 0x60, 0, 0x39, 0x60, 0, 0xf3);
  return concatBytes(prefix, runtime);
}

/** Stores: for each pair of words of the input, `sstore(key, value)`. */
export const STORE = fromHex('0x5f5b3681101560175780602001358135556040016001565b00');

/** Stores BLOCKHASH of the number in the input under that number. */
export const STORE_BLOCK_HASH = fromHex('0x600035406000355500');

/** Puts the input word into transient storage and copies it from there to slot 0 (EIP-1153). */
export const TRANSIENT = fromHex('0x60003560015d60015c60005500');

/** Writes slot 0 and reverts. */
export const REVERT = fromHex('0x600160005560006000fd');

/** Stores EXTCODESIZE and EXTCODEHASH of the address in the input in slots 0 and 1. */
export const EXTERNAL_CODE = fromHex('0x6000353b6000556000353f60015500');

/** Calls the address in the input without value. */
export const CALL = fromHex('0x6000600060006000600060003562030d40f100');

/** Init code that writes a slot and destroys itself in the transaction that creates it (EIP-6780). */
export const SELF_DESTRUCT_INIT = fromHex('0x600160005533ff');

/** Logs (LOG1) the first input word as topic and the second as data. */
export const LOG = fromHex('0x60203560005260003560206000a100');

export const words = (...values: (number | bigint | Bytes)[]): Bytes =>
  concatBytes(...values.map((value) => (value instanceof Uint8Array ? leftPad(value) : bigIntToBytes32(BigInt(value)))));

function leftPad(bytes: Bytes): Bytes {
  return concatBytes(new Uint8Array(32 - bytes.length), bytes);
}
