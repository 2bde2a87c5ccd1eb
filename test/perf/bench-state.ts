import { errorMessage } from '../../src/util/errors.ts';
import { type BenchOptions, parseBenchOptions, USAGE } from './state-bench/bench-options.ts';
import { formatReport, thisMachine } from './state-bench/bench-report.ts';
import { type PartResult, runPart } from './state-bench/run-part.ts';

// Measures state, wire form, root and log; `--help` says how.

async function run(options: BenchOptions): Promise<void> {
  const results: PartResult[] = [];
  for (const part of options.parts) {
    process.stderr.write(`${part}\n`);
    const result = await runPart(part, options);
    process.stderr.write(`${part}: ${result.seconds.toFixed(0)} s\n`);
    results.push(result);
  }
  const { sizes } = options;
  const machine = thisMachine();
  const report = options.json
    ? `${JSON.stringify({ machine, sizes, parts: results }, undefined, 2)}\n`
    : formatReport(machine, sizes, results);
  process.stdout.write(report);
}

try {
  const options = parseBenchOptions(process.argv.slice(2));
  if (options === undefined) process.stdout.write(USAGE);
  else await run(options);
} catch (error) {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = 1;
}
