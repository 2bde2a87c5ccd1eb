import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

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

/** Runs a program with the machine's own Node, without what npm put around the running tests. */
function run(command: string, args: readonly string[], cwd: string, env: NodeJS.ProcessEnv = {}): Promise<Outcome> {
  const inherited = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|VITEST|STROBE_|NODE_OPTIONS$|NODE_ENV$)/.test(name),
  );
  const path = (process.env['PATH'] ?? '').split(delimiter).filter((entry) => !entry.includes('node_modules'));
  const options = { cwd, env: { ...Object.fromEntries(inherited), ...env, PATH: path.join(delimiter) } };
  return new Promise((resolve) => {
    execFile(command, [...args], options, (error, stdout, stderr) => {
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
});
