/**
 * A value is one tag byte, `mode << 5 | operand`, in a column of tags, and what the mode needs in a column of bytes.
 * A delta is taken modulo 2^256 from the value before the mini-block, 0 for a new key; its magnitude is the shorter of
 * the two ways round. Each magnitude that is spelt out joins the message's list, from which later ones are referred to:
 * the two ends of a transfer, equal fees.
 */
export const MODE_BITS = 5;
export const OPERAND_MASK = (1 << MODE_BITS) - 1;

/** Operand: length of the magnitude in bytes, 1 to {@link MAX_DELTA_BYTES}. */
export const MODE_PLUS = 0;
export const MODE_MINUS = 1;
/** The value itself. Operand: its length in bytes, 0 (zero) to 30; {@link OPERAND_WHOLE_WORD}: all 32. */
export const MODE_FULL = 2;
/** Operand: how many magnitudes back, 0 to {@link NEAR_REFERENCES} - 1. */
export const MODE_PLUS_NEAR = 3;
export const MODE_MINUS_NEAR = 4;
/** A varint mantissa times a power of ten. Operand: the exponent, from 1. */
export const MODE_PLUS_DECIMAL = 5;
export const MODE_MINUS_DECIMAL = 6;
/** One byte follows. Operand: {@link FAR_MINUS}, and the high 4 bits of how many magnitudes back beyond the near ones. */
export const MODE_FAR = 7;

/** Longer magnitudes are sent as full values: lengths up to 31 fit in an operand, a delta of 32 bytes would not. */
export const MAX_DELTA_BYTES = 30;
export const OPERAND_WHOLE_WORD = 31;
export const NEAR_REFERENCES = 32;
export const FAR_MINUS = 16;
export const FAR_REFERENCES = 4_096;
/** Mantissas are varints below this. */
export const MAX_MANTISSA = 2 ** 49;
