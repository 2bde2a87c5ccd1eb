import { Command } from 'commander';
import { benchOptionsSchema } from '../bench/bench-options.ts';
import { declarationOf } from '../node/config-setting.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

const benchSettings = declarationOf(benchOptionsSchema);

export function benchCommand(io: CliIo): Command {
  const command = new Command('bench').description('Load a node with real transactions and measure throughput and latency');
  return addSettings(command, benchSettings).action(async () => {
    const options = settingsOf(command, benchSettings, io.env);
    const { runBench } = await import('../bench/run-bench.ts');
    const interrupted = new AbortController();
    process.once('SIGINT', () => interrupted.abort());
    await runBench(options, { stdout: process.stdout, stderr: process.stderr, signal: interrupted.signal });
  });
}
