#!/usr/bin/env node
// Plain JavaScript that old versions of Node understand: it finds a Node that is new enough and runs the command there.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants } from 'node:os';

const MINIMUM_MAJOR = 24;
const FORWARDED_SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

if (Number(process.versions.node.split('.')[0]) >= MINIMUM_MAJOR) {
  await import('../dist/cli/main.js');
} else {
  runWith(findBundledNode());
}

/** The binary of the `node` package, which is among this package's dependencies. */
function findBundledNode() {
  const require = createRequire(import.meta.url);
  for (const name of ['node/bin/node', 'node/bin/node.exe']) {
    try {
      return require.resolve(name);
    } catch {
      // The other name, or none: the package is optional where install scripts are blocked.
    }
  }
  return undefined;
}

function runWith(binary) {
  if (binary === undefined) {
    fail(`it needs Node ${MINIMUM_MAJOR} or newer, this is ${process.version}, and the bundled one is not installed.`);
    return;
  }
  const child = spawn(binary, [...process.execArgv, ...process.argv.slice(1)], { stdio: 'inherit' });
  // The child decides when this process ends; it takes a Ctrl-C that the terminal sent to both as one.
  for (const signal of FORWARDED_SIGNALS) process.on(signal, () => child.kill(signal));
  child.once('error', (error) => fail(`the bundled Node does not run: ${error.message}`));
  child.once('exit', (code, signal) => {
    process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0);
  });
}

function fail(reason) {
  console.error(
    `strobe: ${reason}\n` +
      `Install Node ${MINIMUM_MAJOR} (https://nodejs.org), or allow the install script of the package "node" and install again.`,
  );
  process.exitCode = 1;
}
