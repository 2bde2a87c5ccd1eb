/**
 * Sends random requests, valid and mutated, to a sequencer with everything that it has in production:
 * `node test/perf/fuzz-rpc.ts [count] [seed]`. It fails on an internal error, on an answer that tells of the inside of
 * the node or is no JSON-RPC, on no answer, and when memory goes on growing.
 */
import { StrobeError } from '../../src/util/errors.ts';
import { InProcessSequencer } from '../support/in-process-sequencer.ts';
import { liveMebibytes } from '../support/live-memory.ts';
import { FUZZED_NODE_SETTINGS, RpcFuzzer } from '../support/rpc-fuzzer.ts';

const COUNT = Number(process.argv[2] ?? 100_000);
const SEED = Number(process.argv[3] ?? 1);
const STEPS = 10;
/** Live memory that may come on top after the first tenth, MiB: the filters that fill up, and blocks that are kept. */
const MAX_GROWTH_MIB = 60;

await using node = await InProcessSequencer.start(FUZZED_NODE_SETTINGS);
const fuzzer = await RpcFuzzer.create(node, SEED);
const start = performance.now();
const live: number[] = [];
const { outcomes, answeredBytes } = await fuzzer.run(COUNT, (done) => {
  if (done < ((live.length + 1) * COUNT) / STEPS) return;
  live.push(liveMebibytes());
  console.log(`${done} requests, ${live.at(-1)?.toFixed(1)} MiB live`);
});
const seconds = (performance.now() - start) / 1_000;
for (const [outcome, count] of [...outcomes].sort((a, b) => b[1] - a[1])) console.log(outcome.padEnd(12), count);
const growth = (live.at(-1) ?? 0) - (live[0] ?? 0);
console.log(
  `${COUNT} requests, seed ${SEED}: ${seconds.toFixed(1)} s, ${(answeredBytes / 2 ** 20).toFixed(0)} MiB of answers, ` +
    `${growth.toFixed(1)} MiB more live memory than after the first tenth, ` +
    `peak of the process ${(process.resourceUsage().maxRSS / 1_024).toFixed(0)} MiB`,
);
if (growth > MAX_GROWTH_MIB) throw new StrobeError('MEMORY_GROWS', 'memory goes on growing');
