import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadSettings } from '../../../src/node/config-load.ts';
import type { Declaration } from '../../../src/node/config-setting.ts';
import { proverSettings, replicaSettings, sequencerSettings } from '../../../src/node/settings.ts';
import { devnetSettings } from '../../../src/node/settings-devnet.ts';
import { logLimitsOf, rpcServerOptions } from '../../../src/node/settings-rpc.ts';
import { rpcLimitsSchema } from '../../../src/rpc/limits.ts';

const root = join(import.meta.dirname, '../../..');

const LIMIT_SETTINGS = Object.keys(rpcLimitsSchema.shape).map((name) => `rpc${name.charAt(0).toUpperCase()}${name.slice(1)}`);
const withoutLimits = (settings: object): object =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !LIMIT_SETTINGS.includes(name)));

describe('limits of JSON-RPC', () => {
  const sources = { flags: { genesis: 'g.json' }, env: {} };

  test('each have a setting with their default', () => {
    expect(rpcServerOptions(loadSettings(replicaSettings, sources)).limits).toEqual(rpcLimitsSchema.parse({}));
  });

  test('come from the file, the environment and the command line', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'strobe-limits-')), 'replica.yaml');
    writeFileSync(file, 'rpc:\n  limits:\n    maxBodyBytes: 2048\n    rateBurst: 7\n    maxLogResults: 5\n  api: [eth, net]\n');
    const settings = loadSettings(replicaSettings, {
      flags: { genesis: 'g.json', rpcMaxBatchItems: '3' },
      env: { STROBE_RPC_RATE_BURST: '9' },
      file,
    });
    const options = rpcServerOptions(settings);
    expect(options.limits).toMatchObject({ maxBodyBytes: 2_048, rateBurst: 9, maxBatchItems: 3, maxFilters: 1_000 });
    expect(options.api).toEqual(['eth', 'net']);
    expect(logLimitsOf(settings)).toEqual({ maxLogBlocks: 10_000, maxLogs: 5 });
  });

  test('are refused out of range, with their source', () => {
    const flags = { genesis: 'g.json', rpcMaxBodyBytes: '5' };
    expect(() => loadSettings(replicaSettings, { flags, env: {} })).toThrow(/flag --rpc-max-body-bytes/);
  });
});

describe('role settings', () => {
  test('the sequencer’s defaults', () => {
    const settings = loadSettings(sequencerSettings, { flags: { genesis: 'g.json', keystore: 'k.json' }, env: {} });
    expect(withoutLimits(settings)).toEqual({
      dataDir: './data/sequencer',
      genesis: 'g.json',
      keystore: 'k.json',
      logLevel: 'info',
      logFormat: 'auto',
      metricsHost: '127.0.0.1',
      metricsPort: 9545,
      p2pPort: 9645,
      p2pListen: ['/ip4/127.0.0.1/tcp/9645'],
      bootstrap: [],
      rpcHost: '127.0.0.1',
      rpcPort: 8545,
      rpcAllowedHosts: [],
      rpcAllowedOrigins: [],
      rpcTrustedProxies: [],
      rpcClientAddressHeader: 'x-forwarded-for',
      rpcLimitLoopback: false,
      rpcApi: [],
      rpcDeniedMethods: [],
      rpcMaxCallMs: 2_000,
      rpcMaxProofMs: 8_000,
      rpcCallGasCap: 50_000_000,
      adminHost: '127.0.0.1',
      adminTokenFile: 'data/sequencer/admin.token',
      snapshotBlocks: 3_600,
      snapshotLogBytes: 268_435_456,
      logRetainBytes: 4_294_967_296,
      logSegmentBytes: 67_108_864,
      historyBlocks: 0,
      stateHistory: 128,
      proofBlocks: 128,
      proofArchive: true,
      ordering: 'fifo',
      durability: 'sync',
      mempoolMaxTransactions: 50_000,
      mempoolMaxPerSender: 4_096,
      mempoolLifetimeMs: 10_800_000,
      daDir: 'data/sequencer/da',
    });
  });

  test('a role listens for peers where its port says', () => {
    const settings = loadSettings(replicaSettings, { flags: { genesis: 'g.json', p2pPort: '7000' }, env: {} });
    expect(settings.p2pListen).toEqual(['/ip4/127.0.0.1/tcp/7000']);
  });

  test('the history of the state is a number of blocks or all of them', () => {
    const load = (stateHistory: string) => loadSettings(replicaSettings, { flags: { genesis: 'g.json', stateHistory }, env: {} });
    expect(load('archive').stateHistory).toBe('archive');
    expect(load('5000').stateHistory).toBe(5_000);
    for (const wrong of ['0', '-1', 'all', '1.5', ''])
      expect(() => load(wrong)).toThrow('expected a number of blocks, or archive');
  });

  test('bootstrap peers are multiaddrs, with or without a peer id', () => {
    const flags = (bootstrap: string) => ({ flags: { genesis: 'g.json', bootstrap: [bootstrap] }, env: {} });
    expect(loadSettings(replicaSettings, flags('/ip4/127.0.0.1/tcp/9645')).bootstrap).toHaveLength(1);
    expect(loadSettings(replicaSettings, flags('/dns4/seq.example/tcp/9645/p2p/16Uiu2HAm')).bootstrap).toHaveLength(1);
    expect(() => loadSettings(replicaSettings, flags('127.0.0.1:9645'))).toThrow(/flag --bootstrap: expected a multiaddr/);
  });
});

describe('every declaration', () => {
  const declarations: [string, Declaration][] = [
    ['sequencer', sequencerSettings],
    ['replica', replicaSettings],
    ['prover', proverSettings],
    ['devnet', devnetSettings],
  ];

  test.each(declarations)('%s: each setting has a help text and a file key of its own', (_role, declaration) => {
    const settings = Object.values(declaration);
    expect(settings.filter(({ help }) => help.trim() === '')).toEqual([]);
    const keys = settings.flatMap(({ file }) => file ?? []);
    expect(new Set(keys).size).toBe(keys.length);
  });

  test.each(declarations)('%s: the example in config/ is valid', (role, declaration) => {
    const file = join(root, 'config', `${role}.yaml`);
    expect(() => loadSettings(declaration, { flags: {}, env: {}, file })).not.toThrow();
  });

  test('the devnet example states the defaults', () => {
    const example = loadSettings(devnetSettings, { flags: {}, env: {}, file: join(root, 'config/devnet.yaml') });
    const defaults = loadSettings(devnetSettings, { flags: {}, env: {} });
    expect({ ...example, dataDir: defaults.dataDir }).toEqual(defaults);
    expect(parse(readFileSync(join(root, 'config/devnet.yaml'), 'utf8')).chainId).toBe(424_242);
  });
});
