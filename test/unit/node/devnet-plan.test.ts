import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { loadSettings } from '../../../src/node/config-load.ts';
import { deriveDevnetAccounts } from '../../../src/node/devnet-accounts.ts';
import { renderBanner } from '../../../src/node/devnet-banner.ts';
import { devnetPaths } from '../../../src/node/devnet-directory.ts';
import { createLinePrinter } from '../../../src/node/devnet-log.ts';
import { planDevnet } from '../../../src/node/devnet-plan.ts';
import { assertPortsFree, plannedPorts } from '../../../src/node/devnet-ports.ts';
import { proverSettings, replicaSettings, sequencerSettings } from '../../../src/node/settings.ts';
import { devnetSettings } from '../../../src/node/settings-devnet.ts';

const settingsWith = (flags: Record<string, string> = {}) => loadSettings(devnetSettings, { flags, env: {} });
const plan = planDevnet(settingsWith(), devnetPaths('./data/devnet'));

describe('the plan', () => {
  test('is one sequencer, two replicas and a prover on the documented ports', () => {
    expect(plan.map(({ name, rpcPort, metricsPort, p2pPort }) => [name, rpcPort, metricsPort, p2pPort])).toEqual([
      ['sequencer', 8545, 9545, 9645],
      ['replica-1', 8546, 9546, 9646],
      ['replica-2', 8547, 9547, 9647],
      ['prover-1', undefined, 9548, 9648],
    ]);
  });

  test('lets the sequencer go first and provers last', () => {
    expect(plan.map(({ niceness }) => niceness)).toEqual([0, 10, 10, 19]);
  });

  test('writes configurations that the roles accept', () => {
    const folder = mkdtempSync(join(tmpdir(), 'strobe-plan-'));
    const settings = { sequencer: sequencerSettings, replica: replicaSettings, prover: proverSettings };
    for (const { name, role, config } of planDevnet(
      settingsWith({
        miniBlockIntervalMs: '5',
        ordering: 'fee',
        trie: 'true',
        ...{ proofBlocks: '7', proofArchive: 'false' },
        rpcAllowedOrigins: 'https://a.example',
      }),
      devnetPaths(folder),
    )) {
      const file = join(folder, `${name}.yaml`);
      writeFileSync(file, stringify(config));
      const loaded = loadSettings(settings[role], { flags: {}, env: {}, file });
      expect(loaded.genesis).toBe(join(folder, 'genesis.json'));
      expect(loaded.bootstrap).toEqual(role === 'sequencer' ? [] : ['/ip4/127.0.0.1/tcp/9645']);
      if (role !== 'prover')
        expect(loaded).toMatchObject({ proofBlocks: 7, proofArchive: false, rpcAllowedOrigins: ['https://a.example'] });
      if (role === 'replica') expect(loaded).toMatchObject({ trie: true });
      if (role === 'sequencer')
        expect(loaded).toMatchObject({ miniBlockIntervalMs: 5, ordering: 'fee', keystore: join(folder, 'keys/sequencer.json') });
    }
    rmSync(folder, { recursive: true });
  });
});

describe('shares of provers', () => {
  test('go into the configurations of those that have one', () => {
    const shared = planDevnet(settingsWith({ provers: '3', shares: 'all,1/2' }), devnetPaths('x'));
    expect(shared.filter(({ role }) => role === 'prover').map(({ config }) => config['share'])).toEqual([
      undefined,
      { index: 1, of: 2 },
      undefined,
    ]);
  });

  test.each([
    ['0/2,0/2', 'block 1 would have fewer than 2 provers'],
    ['all,all,all,all', 'lists 4 provers, and there are 3'],
    ['2/2', 'expected all, or index/of'],
  ])('%s is refused: %s', (shares, message) => {
    expect(() => planDevnet(settingsWith({ provers: '3', shares }), devnetPaths('x'))).toThrow(message);
  });
});

describe('the port check', () => {
  const server = createServer();
  afterEach(() => new Promise((resolve) => server.close(resolve)));

  test('names the port, what it is for and the flag', async () => {
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const ports = [{ port, host: '127.0.0.1', purpose: 'JSON-RPC of replica-1', flag: '--rpc-port' }];
    await expect(assertPortsFree(ports)).rejects.toMatchObject({
      code: 'PORT_UNAVAILABLE',
      message: `port ${port} on 127.0.0.1 (JSON-RPC of replica-1) is already in use: stop what uses it, or choose other ports with --rpc-port`,
    });
  });

  test('finds ports that the plan itself uses twice', async () => {
    const overlapping = planDevnet(settingsWith({ metricsPort: '8546' }), devnetPaths('x'));
    await expect(assertPortsFree(plannedPorts(overlapping, '127.0.0.1'))).rejects.toMatchObject({
      code: 'INVALID_CONFIG',
      message: expect.stringContaining('port 8546 is planned twice'),
    });
  });
});

test('the banner says everything a person needs', () => {
  const banner = renderBanner({
    chainId: 424_242,
    rpcHost: '0.0.0.0',
    plan,
    accounts: deriveDevnetAccounts(50),
    dataDir: '/data',
  });
  for (const fact of [
    'http://127.0.0.1:8545',
    'ws://127.0.0.1:8546',
    'http://127.0.0.1:9548/metrics',
    'chain id 424242, currency symbol ETH',
    'test test test test test test test test test test test junk',
    '0xf39Fd6e51aad88F6F4ce6aB8827279cffFb92266  0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80',
    '10000 ETH each',
    'cast send --rpc-url http://127.0.0.1:8545',
  ]) {
    expect(banner).toContain(fact);
  }
  expect(banner.match(/0x[0-9a-f]{64}$/gm)).toHaveLength(10);
});

describe('the log', () => {
  const print = (pretty: boolean, line: string) => {
    let text = '';
    createLinePrinter({ pretty, names: ['sequencer', 'replica-1'] }, (part) => {
      text += part;
    })('replica-1', line);
    return text;
  };
  const record = JSON.stringify({
    level: 'warn',
    time: '2026-01-01T00:00:00.000Z',
    role: 'replica',
    component: 'gossip',
    msg: 'late',
    number: 7,
  });

  test('is readable on a terminal', () => {
    expect(print(true, record)).toMatch(/^replica-1 \| \[.*\] WARN: \[gossip\] late \{"number":7\}\n$/);
    expect(print(true, 'FATAL ERROR: heap')).toBe('replica-1 | FATAL ERROR: heap\n');
  });

  test('stays JSON elsewhere, under the process’s name', () => {
    expect(JSON.parse(print(false, record))).toMatchObject({ role: 'replica-1', msg: 'late', number: 7 });
    expect(JSON.parse(print(false, 'FATAL ERROR: heap'))).toEqual({ level: 'warn', role: 'replica-1', msg: 'FATAL ERROR: heap' });
    expect(JSON.parse(print(false, '{broken'))).toMatchObject({ msg: '{broken' });
  });
});
