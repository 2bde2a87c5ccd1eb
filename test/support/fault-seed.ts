import { SeededRandom } from '../../src/bench/seeded-random.ts';

/** Positions and moments are the same in every run; `STROBE_FAULT_SEED` tries others. */
export const FAULT_SEED = Number(process.env['STROBE_FAULT_SEED'] ?? 20_261_121);

export const faultRandom = (): SeededRandom => new SeededRandom(FAULT_SEED);

/** True with `STROBE_FAULTS=all`: at full length, and with what takes too long for every run. */
export const isFullRun = process.env['STROBE_FAULTS'] === 'all';

/** The first case in every run, all of them with `STROBE_FAULTS=all`: each takes nodes of its own through a crash. */
export function sampled<Case>(cases: readonly Case[]): readonly Case[] {
  return isFullRun ? cases : cases.slice(0, 1);
}
