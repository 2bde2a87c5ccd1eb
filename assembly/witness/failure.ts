/*
 * What ends a check: the module traps and is of no use any more, and the host asks why. 0: memory ran out.
 */
export const MISSING_NODE: u32 = 1;
export const MALFORMED_NODE: u32 = 2;
export const INVALID_ACCOUNT: u32 = 3;

let reason: u32 = 0;
let hash: usize = 0;
let depth: i32 = 0;

export function fail(why: u32): void {
  reason = why;
  unreachable();
}

/** No node with the hash at `missing` is there, to which a key leads whose first `nibbles` are above it. */
export function failMissing(missing: usize, nibbles: i32): void {
  hash = missing;
  depth = nibbles;
  fail(MISSING_NODE);
}

export function failure(): u32 {
  return reason;
}

/** Address of the hash of the node that is missing. */
export function missingHash(): usize {
  return hash;
}

export function missingDepth(): i32 {
  return depth;
}
