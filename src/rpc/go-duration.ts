import { invalidParams } from './rpc-error.ts';

const UNIT_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};
const DURATION = /^(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|ms|s|m|h))+$/;
const PART = /(\d+\.?\d*|\.\d+)(ns|us|µs|ms|s|m|h)/g;

/** Milliseconds of a duration as Go writes it: `"5s"`, `"300ms"`, `"1m30s"`; not negative. */
export function readGoDuration(value: unknown, field: string): number {
  if (value === '0') return 0;
  if (typeof value !== 'string' || !DURATION.test(value)) {
    throw invalidParams(field, 'expected a duration such as "5s" or "300ms"');
  }
  let ms = 0;
  for (const [, count, unit] of value.matchAll(PART)) ms += Number(count) * (UNIT_MS[unit as string] as number);
  return ms;
}
