import { type Bytes, bytesToBigInt, toKey } from '../util/bytes.ts';

/** Selectors of `Error(string)` and `Panic(uint256)`, what Solidity reverts with. */
const ERROR_SELECTOR = '08c379a0';
const PANIC_SELECTOR = '4e487b71';
const WORD = 32;

/** Solidity's panic codes in geth's wording. */
const PANIC_REASONS: Readonly<Record<string, string>> = {
  '0': 'generic panic',
  '1': 'assert(false)',
  '17': 'arithmetic underflow or overflow',
  '18': 'division or modulo by zero',
  '33': 'enum overflow',
  '34': 'invalid encoded storage byte array accessed',
  '49': 'out-of-bounds array access; popping on an empty array',
  '50': 'out-of-bounds access of an array or bytesN',
  '65': 'out of memory',
  '81': 'uninitialized function',
};

/** `execution reverted`, with the reason when the output is one of Solidity's; wallets show and match this text. */
export function revertMessage(output: Bytes): string {
  const reason = decodeReason(output);
  return reason === undefined ? 'execution reverted' : `execution reverted: ${reason}`;
}

function decodeReason(output: Bytes): string | undefined {
  const selector = toKey(output.subarray(0, 4));
  const payload = output.subarray(4);
  if (selector === ERROR_SELECTOR) return decodeString(payload);
  if (selector !== PANIC_SELECTOR || payload.length !== WORD) return undefined;
  const code = bytesToBigInt(payload);
  return PANIC_REASONS[code.toString()] ?? `unknown panic code: 0x${code.toString(16)}`;
}

/** The only argument of an ABI-encoded call: offset, length, bytes. The contract is hostile: every bound is checked. */
function decodeString(payload: Bytes): string | undefined {
  if (payload.length < 2 * WORD || bytesToBigInt(payload.subarray(0, WORD)) !== 32n) return undefined;
  const length = bytesToBigInt(payload.subarray(WORD, 2 * WORD));
  if (length > BigInt(payload.length - 2 * WORD)) return undefined;
  return new TextDecoder().decode(payload.subarray(2 * WORD, 2 * WORD + Number(length)));
}
