import { fail, MALFORMED_NODE } from './failure';

/*
 * Reads canonical RLP (Yellow Paper, appendix B) that a stranger may have made.
 */

/** Payloads longer than this use the long form. */
const SHORT_PAYLOAD_MAX: u32 = 55;
/** No node needs more. */
const MAX_LENGTH_BYTES: u32 = 4;

/** The item that was read last. */
export let isList: bool = false;
export let payload: usize = 0;
export let end: usize = 0;
/** What an item that is not canonical means. */
let reason: u32 = MALFORMED_NODE;

/** From now on an item that is not canonical fails for this reason. */
export function failAs(why: u32): void {
  reason = why;
}

@inline
export function need(condition: bool): void {
  if (!condition) fail(reason);
}

/** Reads the item at `at`, which must end by `limit`. */
export function readItem(at: usize, limit: usize): void {
  need(at < limit);
  const first = <u32>load<u8>(at);
  if (first < 0x80) {
    isList = false;
    payload = at;
    end = at + 1;
    return;
  }
  isList = first >= 0xc0;
  const short = first - (isList ? 0xc0 : 0x80);
  payload = at + 1;
  const length: u64 = short <= SHORT_PAYLOAD_MAX ? (short as u64) : readLength(short - SHORT_PAYLOAD_MAX, limit);
  const behind = (payload as u64) + length;
  need(behind <= (limit as u64));
  end = behind as usize;
  if (short == 1 && !isList) need(load<u8>(payload) >= 0x80);
}

function readLength(size: u32, limit: usize): u64 {
  need(size <= MAX_LENGTH_BYTES && payload + size <= limit);
  need(load<u8>(payload) != 0);
  let length: u64 = 0;
  for (const behind = payload + size; payload < behind; payload++) length = (length << 8) | (load<u8>(payload) as u64);
  need(length > (SHORT_PAYLOAD_MAX as u64));
  return length;
}
