import type { Address } from '../../src/protocol/primitives.ts';
import { fromHex, padTo32 } from '../../src/util/bytes.ts';

/** A transaction to this address emits one log whose topics are the 32-byte words of its data. */
export const LOGGER: Address = fromHex('0x00000000000000000000000000000000000106e5');
/** Calls to this address revert with `Error("user error")`. */
export const REVERTER: Address = fromHex('0x0000000000000000000000000000000000007e7e');
export const REVERT_OUTPUT =
  '0x08c379a00000000000000000000000000000000000000000000000000000000000000020000000000000000000000000000000000000000000000000000000000000000a75736572206572726f7200000000000000000000000000000000000000000000';
/** An account with code and, in slot 1, the value 0x2a. */
export const CONTRACT: Address = fromHex('0x00000000000000000000000000000000c0de0001');
export const CONTRACT_CODE = fromHex('0x60016002');
export const CONTRACT_SLOT = padTo32(Uint8Array.of(1));
export const THE_CONTRACT = {
  address: CONTRACT,
  code: CONTRACT_CODE,
  slots: [{ key: CONTRACT_SLOT, value: padTo32(Uint8Array.of(0x2a)) }],
};
