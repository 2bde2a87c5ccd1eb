import { type CommandResult, runCommand } from '../../support/run-command.ts';

/** Runs `strobe snapshot …` in this process. */
export function runSnapshotCommand(...args: string[]): Promise<CommandResult> {
  return runCommand('snapshot', ...args);
}
