import { Command } from 'commander';
import { runNodeProcess } from '../node/node-process.ts';
import { proverSettings } from '../node/settings.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

export function proverCommand(io: CliIo): Command {
  const command = new Command('prover').description(
    'Run a prover stub: re-execute blocks from their witnesses and sign attestations (no zero-knowledge proof)',
  );
  return addSettings(command, proverSettings).action(async () => {
    const settings = settingsOf(command, proverSettings, io.env);
    const { startProver } = await import('../node/start-prover.ts');
    io.setExitCode(await runNodeProcess('prover', settings, startProver));
  });
}
