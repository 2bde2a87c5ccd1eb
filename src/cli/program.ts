import { Command, CommanderError } from 'commander';
import { VERSION } from '../node/version.ts';
import { errorMessage, isStrobeError } from '../util/errors.ts';
import { benchCommand } from './bench.ts';
import type { CliIo } from './cli-io.ts';
import { devnetCommand } from './devnet.ts';
import { evidenceCommand, verifyEvidenceCommand } from './evidence.ts';
import { keysCommand } from './keys.ts';
import { proverCommand } from './prover.ts';
import { replicaCommand } from './replica.ts';
import { resumeCommand } from './resume.ts';
import { sequencerCommand } from './sequencer.ts';
import { snapshotCommand } from './snapshot.ts';

const EXIT_FAILED = 1;
/** Wrong flags, variables, files or arguments: nothing was started. */
const EXIT_USAGE = 2;

/** Runs one command line (without `node` and the script) and reports its exit code through `io`. */
export async function runCli(args: readonly string[], io: CliIo): Promise<void> {
  const program = createProgram(io);
  try {
    await program.parseAsync([...args], { from: 'user' });
  } catch (error) {
    io.setExitCode(report(error, io));
  }
}

function createProgram(io: CliIo): Command {
  const program = new Command('strobe')
    .description('Real-time Ethereum L2 node: millisecond mini-blocks, signed state diffs, replicas that verify')
    .version(VERSION, '--version', 'print the version')
    .addCommand(devnetCommand(io))
    .addCommand(sequencerCommand(io))
    .addCommand(replicaCommand(io))
    .addCommand(proverCommand(io))
    .addCommand(benchCommand(io))
    .addCommand(keysCommand(io))
    .addCommand(snapshotCommand(io))
    .addCommand(evidenceCommand(io))
    .addCommand(verifyEvidenceCommand(io))
    .addCommand(resumeCommand(io));
  configure(program, io);
  return program;
}

/** Subcommands that are added do not inherit the settings of their parent. */
function configure(command: Command, io: CliIo): void {
  command
    .exitOverride()
    .showHelpAfterError('(--help lists the options)')
    .configureOutput({ writeOut: io.write, writeErr: io.warn });
  for (const subcommand of command.commands) configure(subcommand, io);
}

/** Prints what was not printed yet and chooses the exit code. */
function report(error: unknown, io: CliIo): number {
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : EXIT_USAGE;
  if (isStrobeError(error)) {
    io.warn(`strobe: ${error.message.replaceAll('\n', '\nstrobe: ')}\n`);
    return error.code === 'INVALID_CONFIG' ? EXIT_USAGE : EXIT_FAILED;
  }
  // Not an error we foresaw: its stack is what a bug report needs.
  io.warn(`strobe: unexpected: ${error instanceof Error ? (error.stack ?? error.message) : errorMessage(error)}\n`);
  return EXIT_FAILED;
}
