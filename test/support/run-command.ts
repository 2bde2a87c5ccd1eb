import { runCli } from '../../src/cli/program.ts';

export interface CommandResult {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `strobe …` in this process; says its exit code and what it printed. */
export async function runCommand(...args: string[]): Promise<CommandResult> {
  const result = { code: 0, out: '', err: '' };
  await runCli(args, {
    env: {},
    write: (text) => {
      result.out += text;
    },
    warn: (text) => {
      result.err += text;
    },
    setExitCode: (code) => {
      result.code = code;
    },
  });
  return result;
}
