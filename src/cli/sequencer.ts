import { Command } from 'commander';
import { runNodeProcess } from '../node/node-process.ts';
import { sequencerSettings } from '../node/settings.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

export function sequencerCommand(io: CliIo): Command {
  const command = new Command('sequencer').description('Run the sequencer: order, execute, seal and publish mini-blocks');
  return addSettings(command, sequencerSettings).action(async () => {
    const settings = settingsOf(command, sequencerSettings, io.env);
    const { startSequencer } = await import('../node/start-sequencer.ts');
    io.setExitCode(await runNodeProcess('sequencer', settings, startSequencer));
  });
}
