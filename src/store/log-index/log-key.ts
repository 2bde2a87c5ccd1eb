import type { LogFilter } from '../../protocol/ports/chain.ts';
import type { Log } from '../../protocol/receipt.ts';
import type { Bytes } from '../../util/bytes.ts';

/** Bytes of {@link LogKey}: kind and fold. */
export const LOG_KEY_BYTES = 9;

const FOLD_BYTES = 8;

/**
 * What a log is found by: a kind (0 for its address, n for the topic at position n - 1) and 8 bytes that its value is
 * folded to. Two values with one key are no error: whoever searches compares the logs themselves.
 */
export type LogKey = Bytes;

/** Exclusive or of the value's 8-byte words: an address within a topic has its bytes anywhere, small numbers at the end. */
export function logKey(kind: number, value: Bytes): LogKey {
  const key = new Uint8Array(LOG_KEY_BYTES);
  key[0] = kind;
  for (let i = 0; i < value.length; i++) {
    const at = 1 + (i % FOLD_BYTES);
    key[at] = (key[at] as number) ^ (value[i] as number);
  }
  return key;
}

/** Every key that finds the log. */
export function keysOf(log: Log): LogKey[] {
  return [logKey(0, log.address), ...log.topics.map((topic, position) => logKey(position + 1, topic))];
}

/** The conditions of a filter: a matching log has a key of each group. Empty: every log may match. */
export function keyGroupsOf({ addresses, topics }: Pick<LogFilter, 'addresses' | 'topics'>): LogKey[][] {
  const groups = [addresses, ...topics].map((any, kind) => (any ?? []).map((value) => logKey(kind, value)));
  return groups.filter((group) => group.length > 0);
}
