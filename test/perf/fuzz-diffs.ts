/**
 * Feeds mutated state diffs to the decoder and says how they ended: `node test/perf/fuzz-diffs.ts [count] [seed]`.
 * It fails on anything but a coded error or a valid diff.
 */
import { fuzzDiffs } from '../support/diff-fuzzer.ts';

const COUNT = Number(process.argv[2] ?? 1_000_000);
const SEED = Number(process.argv[3] ?? 1);

const start = performance.now();
const outcomes = await fuzzDiffs(COUNT, SEED);
const seconds = (performance.now() - start) / 1000;
for (const [outcome, count] of [...outcomes].sort((a, b) => b[1] - a[1])) console.log(outcome.padEnd(24), count);
const peakMebibytes = process.resourceUsage().maxRSS / 1024;
console.log(`${COUNT} messages, seed ${SEED}: ${seconds.toFixed(1)} s, peak memory ${peakMebibytes.toFixed(0)} MiB`);
