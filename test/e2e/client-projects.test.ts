import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { rpc } from '../support/json-rpc.ts';
import { tempDirectory } from '../support/temp-directory.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const ROOT = join(import.meta.dirname, '..', '..');
const PROJECT = join(import.meta.dirname, 'fixtures', 'hardhat');
const SOLC_COMMAND = join(ROOT, 'test', 'support', 'clients', 'solc-command.js');
const COMMAND_TIMEOUT_MS = 90_000;

let devnet: TestDevnet;
let url: string;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  await devnet.start('sequencer');
  await devnet.start('replica-1');
  url = devnet.rpcUrl('replica-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

const keyOf = (account: number): Hex => defined(devnet.accounts[account]).privateKey;

interface Ended {
  readonly code: number;
  readonly output: string;
}

/** Runs a command of the installed packages in the project's folder. */
function run(command: string, args: readonly string[], env: Record<string, string>): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { cwd: PROJECT, timeout: COMMAND_TIMEOUT_MS, env: { ...process.env, NO_PROXY: '127.0.0.1', ...env } };
    execFile(join(ROOT, 'node_modules', '.bin', command), [...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1;
      resolve({ code, output: `${stdout}\n${stderr}` });
    });
  });
}

test('Hardhat 3 compiles, deploys and tests a project against a replica', async () => {
  const made = tempDirectory();
  const env = {
    SOLC: createRequire(import.meta.url).resolve('solc/soljson.js'),
    HARDHAT_CACHE: join(made, 'cache'),
    HARDHAT_ARTIFACTS: join(made, 'artifacts'),
    HARDHAT_DISABLE_TELEMETRY_PROMPT: 'true',
    STROBE_URL: url,
    STROBE_KEY: keyOf(0),
  };
  const { code, output } = await run('hardhat', ['test', 'nodejs', '--network', 'strobe'], env);
  expect({ code, output }).toMatchObject({ code: 0, output: expect.stringContaining('2 passing') });
});

test('forge create deploys, cast send and cast call use the contract', async (context) => {
  const version = await run('forge', ['--version'], {});
  if (version.code !== 0) context.skip(`forge does not run here: ${version.output.trim().split('\n')[0]}`);
  const made = tempDirectory();
  const env = { ETH_RPC_URL: url, FOUNDRY_OUT: join(made, 'out'), FOUNDRY_CACHE_PATH: join(made, 'cache') };
  const key = ['--private-key', keyOf(1)];
  const compiler = ['--root', PROJECT, '--use', SOLC_COMMAND, '--offline'];
  const created = await run(
    'forge',
    ['create', 'contracts/Counter.sol:Counter', '--broadcast', '--json', ...compiler, ...key],
    env,
  );
  expect(created).toMatchObject({ code: 0 });
  const { deployedTo } = JSON.parse(defined(/\{.*\}/s.exec(created.output)?.[0])) as { deployedTo: Hex };
  const sent = await run('cast', ['send', deployedTo, 'add(uint256)', '7', '--json', ...key], env);
  expect(sent).toMatchObject({ code: 0 });
  const called = await run('cast', ['call', deployedTo, 'count()(uint256)'], env);
  expect(called).toMatchObject({ code: 0, output: expect.stringMatching(/^7\s/) });
  const refused = await run('cast', ['send', deployedTo, 'add(uint256)', '11', ...key], env);
  // The npm package of cast ends with 0 whatever cast ended with.
  expect(refused.output).toMatch(/Failed to estimate gas: .* error code 3: execution reverted, data: "0xb7e9260a/);
});

test('a call with both data and input, as cast sends it, is taken when they agree', async () => {
  const call = { to: `0x${'00'.repeat(19)}04`, data: '0x1234', input: '0x1234' };
  expect(await rpc<Hex>(url, 'eth_call', [call, 'latest'])).toBe('0x1234');
  await expect(rpc(url, 'eth_call', [{ ...call, data: '0x12' }, 'latest'])).rejects.toThrow(/data.*input/);
});
