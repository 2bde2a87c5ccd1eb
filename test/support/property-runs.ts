import type { Parameters } from 'fast-check';

/** How many times more runs than committed; set `STROBE_PROPERTY_RUNS=20` to look longer. */
const FACTOR = Number(process.env['STROBE_PROPERTY_RUNS'] ?? 1);
/** One seed, so that every run of the suite sees the same values; `STROBE_PROPERTY_SEED` sets another. */
const SEED = Number(process.env['STROBE_PROPERTY_SEED'] ?? 20_261_120);

/** Parameters of `fc.assert` for a property that is committed with `count` runs. */
export function runs<Values>(count: number): Parameters<Values> {
  return { numRuns: Math.ceil(count * FACTOR), seed: SEED };
}
