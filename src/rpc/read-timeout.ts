import { isAbsent, readQuantity } from './read-params.ts';
import { invalidParams } from './rpc-error.ts';

/** Milliseconds as a number or in hex; undefined when absent or 0, which mean the default. */
export function readTimeout(value: unknown, field = 'timeout'): number | undefined {
  if (isAbsent(value)) return undefined;
  // However large: callers cut it to the node's longest wait.
  const timeoutMs = typeof value === 'number' ? value : Number(readQuantity(value, field));
  if (!Number.isInteger(timeoutMs) || timeoutMs < 0) throw invalidParams(field, 'expected whole milliseconds');
  return timeoutMs === 0 ? undefined : timeoutMs;
}
