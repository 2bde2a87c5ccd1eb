import { runCli } from '../../../src/cli/program.ts';

/** Runs `strobe snapshot …` in this process; says its exit code and what it printed. */
export async function runSnapshotCommand(...args: string[]) {
  const result = { code: 0, out: '', err: '' };
  await runCli(['snapshot', ...args], {
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
