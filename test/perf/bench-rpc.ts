import { errorMessage } from '../../src/util/errors.ts';
import { parseRpcBenchOptions, USAGE } from './rpc/rpc-bench-options.ts';
import { formatReport, reportJson } from './rpc/rpc-bench-report.ts';
import { runRpcBench } from './rpc/run.ts';

// Measures reads of a replica against anvil, and synchronous sends through it; `--help` says how.

// Ends as `exit` does, which is when the started processes are killed.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1));

try {
  const options = parseRpcBenchOptions(process.argv.slice(2));
  if (options === undefined) {
    process.stdout.write(USAGE);
  } else {
    const report = await runRpcBench(options);
    process.stdout.write(options.json ? reportJson(report) : formatReport(report));
  }
} catch (error) {
  process.stderr.write(`${errorMessage(error)}\n`);
  process.exitCode = 1;
}
