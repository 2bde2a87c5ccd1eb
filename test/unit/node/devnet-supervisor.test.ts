import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { loadSettings } from '../../../src/node/config-load.ts';
import { startDevnet } from '../../../src/node/devnet-supervisor.ts';
import type { RunningNode } from '../../../src/node/running-node.ts';
import { devnetSettings } from '../../../src/node/settings-devnet.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { parseGenesis } from '../../../src/protocol/genesis.ts';

const entry = join(import.meta.dirname, 'fixtures/fake-role.ts');
const logger = createLogger({ level: 'silent', format: 'json' });

let folder: string;
let output: string;
let started: RunningNode | undefined;
beforeEach(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'strobe-supervisor-')), 'devnet');
  output = '';
  const capture = (chunk: unknown) => {
    output += String(chunk);
    return true;
  };
  vi.spyOn(process.stdout, 'write').mockImplementation(capture);
  vi.spyOn(process.stderr, 'write').mockImplementation(capture);
});
afterEach(async () => {
  await started?.stop();
  started = undefined;
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  rmSync(join(folder, '..'), { recursive: true });
});

/** Away from the default ports, which a real devnet may be using. */
async function start(flags: Record<string, string> = {}, signal = new AbortController().signal): Promise<RunningNode> {
  const ports = { rpcPort: '28545', metricsPort: '29545', p2pPort: '29645' };
  const settings = loadSettings(devnetSettings, {
    flags: { dataDir: folder, logFormat: 'json', replicas: '1', ...ports, ...flags },
    env: {},
  });
  started = await startDevnet(settings, { logger, signal }, entry);
  return started;
}

const lines = () =>
  output
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line));

test('starts every process, waits until each is ready, and stops them with the sequencer last', async () => {
  vi.stubEnv('STROBE_FOO', 'leaks');
  const devnet = await start();
  expect(output).toContain('Strobe devnet is ready: chain id 424242');
  expect(
    lines()
      .map(({ role, msg }) => `${role} ${msg}`)
      .sort(),
  ).toEqual([
    'prover-1 listening, STROBE_FOO=unset',
    'replica-1 listening, STROBE_FOO=unset',
    'sequencer listening, STROBE_FOO=unset',
  ]);
  const run = devnet.run();
  await devnet.stop();
  await run;
  expect(lines().findLast(({ msg }) => msg === 'stopping')?.role).toBe('sequencer');
});

test('keys are private, the genesis names them, and a second start keeps both', async () => {
  await (await start()).stop();
  expect(statSync(join(folder, 'keys')).mode & 0o777).toBe(0o700);
  for (const name of ['password', 'sequencer.json', 'operator.json', 'prover-1.json']) {
    expect(statSync(join(folder, 'keys', name)).mode & 0o777).toBe(0o600);
  }
  const before = readFileSync(join(folder, 'genesis.json'), 'utf8');
  const sequencer = JSON.parse(readFileSync(join(folder, 'keys/sequencer.json'), 'utf8'));
  expect(Buffer.from(parseGenesis(JSON.parse(before)).sequencerKeys[0] ?? []).toString('hex')).toBe(sequencer.address);
  await (await start()).stop();
  expect(readFileSync(join(folder, 'genesis.json'), 'utf8')).toBe(before);
  await expect(start({ chainId: '7' })).rejects.toMatchObject({ code: 'DEVNET_GENESIS_CHANGED' });
  await (await start({ chainId: '7', fresh: 'true' })).stop();
  expect(parseGenesis(JSON.parse(readFileSync(join(folder, 'genesis.json'), 'utf8'))).chainId).toBe(7);
});

test('a second devnet does not take the folder of one that runs, and --fresh does not delete it', async () => {
  const first = await start();
  const ports = { rpcPort: '27545', metricsPort: '27645', p2pPort: '27745' };
  await expect(start({ fresh: 'true', ...ports })).rejects.toMatchObject({ code: 'DEVNET_RUNNING' });
  expect(existsSync(join(folder, 'genesis.json'))).toBe(true);
  await first.stop();
});

test('a genesis file that a power loss left empty is named', async () => {
  await (await start()).stop();
  writeFileSync(join(folder, 'genesis.json'), '');
  await expect(start()).rejects.toMatchObject({
    code: 'DEVNET_GENESIS_DAMAGED',
    message: expect.stringContaining('genesis.json'),
  });
  await (await start({ fresh: 'true' })).stop();
});

test('a process that dies while the devnet runs ends it, with its name, exit code and last lines', async () => {
  vi.stubEnv('FAKE_DIES', 'prover');
  const end = start().then((devnet) => devnet.run());
  await expect(end).rejects.toMatchObject({
    code: 'DEVNET_PROCESS_DIED',
    message: expect.stringMatching(/^prover-1 exited with code 3; its last lines were:[\s\S]*fake panic: out of cheese/),
  });
});

test('a process that dies before it is ready ends the start', async () => {
  vi.stubEnv('FAKE_DIES', 'sequencer');
  vi.stubEnv('FAKE_NEVER_READY', 'sequencer');
  await expect(start()).rejects.toMatchObject({
    code: 'DEVNET_PROCESS_DIED',
    message: expect.stringMatching(/^sequencer exited with code 3; its last lines were:\n {4}info: listening/),
  });
});

test('a stop while it starts leaves no process behind', async () => {
  vi.stubEnv('FAKE_NEVER_READY', 'replica');
  const stop = new AbortController();
  const starting = start({}, stop.signal);
  await vi.waitFor(() => expect(lines().some(({ role }) => role === 'replica-1')).toBe(true), { timeout: 10_000 });
  stop.abort();
  await expect(starting).rejects.toMatchObject({ name: 'AbortError' });
  expect(
    lines()
      .filter(({ msg }) => msg === 'stopping')
      .at(-1)?.role,
  ).toBe('sequencer');
});
