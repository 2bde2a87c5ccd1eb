import { runCli } from './program.ts';

await runCli(process.argv.slice(2), {
  env: process.env,
  write: (text) => process.stdout.write(text),
  warn: (text) => process.stderr.write(text),
  setExitCode: (code) => {
    process.exitCode = code;
  },
});
// Handles that a library left open must not keep a finished command alive; pipes are written out first.
process.stderr.write('', () => process.stdout.write('', () => process.exit()));
