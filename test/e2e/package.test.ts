import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { waitFor } from '../support/wait-for.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as {
  version: string;
  allowScripts: Record<string, boolean>;
};

/** The package brings Node itself, 120 MB of it: on a cold cache the registry decides how long that takes. */
const INSTALL_TIMEOUT_MS = 300_000;

/** What npm says when it cannot reach its registry and the cache does not have the package either. */
const UNREACHABLE = /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH|EHOSTUNREACH|ENOTCACHED)\b/;

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

let folder: string;
let packedFiles: string[] = [];
let skipReason: string | undefined;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strobe-package-'));
  // A project of its own, as a user has one; npm 12 runs no install script that it does not allow.
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, allowScripts: manifest.allowScripts }));
  const tarball = await pack();
  const installed = await run('npm', ['install', '--prefer-offline', '--no-audit', '--no-fund', tarball], folder);
  if (installed.code === 0) return;
  if (!UNREACHABLE.test(installed.stderr)) expect(installed).toMatchObject({ code: 0 });
  skipReason = 'the npm registry cannot be reached';
  console.warn(`package test skipped: ${skipReason}`);
}, INSTALL_TIMEOUT_MS);

afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeEach((context) => {
  if (skipReason !== undefined) context.skip(skipReason);
});

/** Builds and packs, as `npm publish` does; returns the tarball. */
async function pack(): Promise<string> {
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], ROOT);
  expect(packed).toMatchObject({ code: 0 });
  // The output of the build comes before the JSON.
  const json = packed.stdout.slice(packed.stdout.search(/^\[$/m));
  const [report] = JSON.parse(json) as [{ filename: string; files: { path: string }[] }];
  packedFiles = report.files.map(({ path }) => path);
  return join(folder, report.filename);
}

/** The environment of the person who runs the tests, without what npm put around them: the machine's own Node. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|VITEST|STROBE_|NODE_OPTIONS$|NODE_ENV$)/.test(name),
  );
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules'));
  return { ...Object.fromEntries(inherited), PATH: path.join(delimiter) };
}

function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  return new Promise((resolve) => {
    execFile(command, [...args], { cwd, env: { ...plainEnvironment(), ...env } }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, stdout, stderr });
    });
  });
}

const strobe = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  run('npx', ['--no-install', 'strobe', ...args], folder, env);

describe('the packed files', () => {
  test('hold the built program and the values that it reads, and no sources or tests', () => {
    expect(packedFiles).toEqual(
      expect.arrayContaining([
        'bin/strobe.js',
        'dist/cli/main.js',
        'dist/network/network-worker.js',
        'dist/bench/artifacts.json',
        'dist/verified/verified-transport.js',
        'dist/verified/verified-transport.d.ts',
        'config/genesis-devnet.json',
        'config/predeploys.json',
        'config/devnet-accounts.json',
        'README.md',
        'LICENSE',
      ]),
    );
    expect(packedFiles.filter((path) => /^(?:src|test|scripts|data)\//.test(path) || /(?<!\.d)\.ts$/.test(path))).toEqual([]);
  });
});

describe('the installed command', () => {
  test('prints its version and its commands', async () => {
    expect(await strobe(['--version'])).toMatchObject({ code: 0, stdout: `${manifest.version}\n` });
    const help = await strobe(['--help']);
    expect(help.code).toBe(0);
    for (const command of ['devnet', 'sequencer', 'replica', 'prover', 'bench', 'keys']) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${command}\\b`, 'm'));
    }
  });

  test('brings the verified client as an entry of its own, and opens no other', async () => {
    const load = (entry: string) =>
      run('node', ['--input-type=module', '--eval', `console.log(Object.keys(await import('${entry}')))`], folder);
    expect(await load('strobe/verified')).toMatchObject({ code: 0, stdout: "[ 'verifiedTransport' ]\n" });
    expect((await load('strobe/dist/util/bytes.js')).stderr).toContain('ERR_PACKAGE_PATH_NOT_EXPORTED');
  });

  test('describes the settings of the devnet', async () => {
    const { code, stdout } = await strobe(['devnet', '--help']);
    expect(code).toBe(0);
    expect(stdout).toContain('--rpc-port');
    expect(stdout.replace(/\s+/g, ' ')).toContain('env STROBE_REPLICAS');
  });

  test('makes a key and lists it', async () => {
    const made = await strobe(['keys', 'new', '--light', '--name', 'sequencer', '--keys-dir', 'keys'], {
      STROBE_PASSWORD: 'not a secret',
    });
    expect(made).toMatchObject({ code: 0 });
    expect(made.stdout).toMatch(/^0x[0-9a-fA-F]{40} {2}\S+sequencer\.json\n$/);
    expect(existsSync(join(folder, 'keys', 'sequencer.json'))).toBe(true);
    expect((await strobe(['keys', 'list', '--keys-dir', 'keys'])).stdout).toBe(made.stdout);
  });

  test('passes the exit code of a wrong command line on', async () => {
    const { code, stderr } = await strobe(['devnet', '--replicas', 'many']);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--replicas/);
  });

  test('runs a devnet, with its worker threads, and stops it', async () => {
    // Away from the default ports, which a real devnet may be using.
    const ports = ['--rpc-port', '27545', '--metrics-port', '27645', '--p2p-port', '27745'];
    const args = ['devnet', '--replicas', '1', '--log-format', 'json', '--data-dir', 'devnet', ...ports];
    // A group of its own: the launcher, the devnet and its processes can be ended together whatever happens here.
    const options = { cwd: folder, env: plainEnvironment(), detached: true };
    const devnet = spawn(join(folder, 'node_modules', '.bin', 'strobe'), args, options);
    onTestFinished(() => {
      if (devnet.pid !== undefined && devnet.exitCode === null) process.kill(-devnet.pid, 'SIGKILL');
    });
    let output = '';
    for (const stream of [devnet.stdout, devnet.stderr]) stream.on('data', (chunk) => (output += String(chunk)));
    const exited = once(devnet, 'exit');
    await waitFor(() => output.includes('devnet is ready') || devnet.exitCode !== null, { timeoutMs: 90_000, what: 'ready' });
    expect(output).toContain('chain id 424242');
    const answer = await fetch('http://127.0.0.1:27546', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_chainId', params: [] }),
    });
    expect(await answer.json()).toEqual({ jsonrpc: '2.0', id: 1, result: '0x67932' });
    devnet.kill('SIGTERM');
    expect(await exited).toEqual([0, null]);
  });
});
