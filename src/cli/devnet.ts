import { Command } from 'commander';
import { runNodeProcess } from '../node/node-process.ts';
import { devnetSettings } from '../node/settings-devnet.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

export function devnetCommand(io: CliIo): Command {
  const command = new Command('devnet').description('Run a whole chain on this machine: sequencer, replicas and provers');
  return addSettings(command, devnetSettings).action(async () => {
    const settings = settingsOf(command, devnetSettings, io.env);
    const { startDevnet } = await import('../node/devnet-supervisor.ts');
    io.setExitCode(await runNodeProcess('devnet', settings, startDevnet));
  });
}
