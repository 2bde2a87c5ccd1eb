import { Command } from 'commander';
import { runNodeProcess } from '../node/node-process.ts';
import { replicaSettings } from '../node/settings.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

export function replicaCommand(io: CliIo): Command {
  const command = new Command('replica').description('Run a replica: verify and apply state diffs, serve JSON-RPC');
  return addSettings(command, replicaSettings).action(async () => {
    const settings = settingsOf(command, replicaSettings, io.env);
    const { startReplica } = await import('../node/start-replica.ts');
    io.setExitCode(await runNodeProcess('replica', settings, startReplica));
  });
}
