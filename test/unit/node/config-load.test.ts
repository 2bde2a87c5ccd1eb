import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import * as z from 'zod';
import { Secret } from '../../../src/crypto/secret.ts';
import { loadSettings, type SettingsSources } from '../../../src/node/config-load.ts';
import { type Declaration, envOf, flagOf } from '../../../src/node/config-setting.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strobe-config-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const declaration = {
  rpcPort: { schema: z.int('expected a port').max(65_535, 'too high').default(8545), file: 'rpc.port', help: 'the port' },
  genesis: { schema: z.string(), file: 'genesis', path: true, help: 'the genesis file' },
  ordering: { schema: z.enum(['fifo', 'fee']).default('fifo'), file: 'ordering', help: 'the order' },
  fresh: { schema: z.boolean().default(false), help: 'start over' },
  peers: { schema: z.array(z.string()).default([]), file: 'p2p.peers', help: 'the peers' },
  password: {
    schema: z
      .string()
      .min(8, 'too short')
      .transform((text) => new Secret(text))
      .optional(),
    flag: false,
    help: 'the password',
  },
  url: {
    schema: z.string(),
    file: 'url',
    help: 'the address',
    derived: { from: (values) => `http://localhost:${values['rpcPort']}`, help: 'from the port' },
  },
} satisfies Declaration;

function file(text: string, name = 'strobe.yaml'): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

const load = (sources: Partial<SettingsSources>) =>
  loadSettings(declaration, { flags: { genesis: 'g.json', ...sources.flags }, env: sources.env ?? {}, file: sources.file });

function problemsOf(sources: Partial<SettingsSources>): string[] {
  try {
    load(sources);
  } catch (error) {
    expect(error).toMatchObject({ code: 'INVALID_CONFIG' });
    return (error as Error).message.split('\n');
  }
  return [];
}

test('names follow from the declaration', () => {
  expect([flagOf('rpcPort'), envOf('rpcPort')]).toEqual(['--rpc-port', 'STROBE_RPC_PORT']);
  expect([flagOf('p2pListen'), envOf('p2pListen')]).toEqual(['--p2p-listen', 'STROBE_P2P_LISTEN']);
});

describe('precedence', () => {
  const yaml = 'rpc: {port: 3}\nordering: fee\n';

  test('flag, then environment, then file, then default', () => {
    const path = file(yaml);
    expect(load({ flags: { rpcPort: '1' }, env: { STROBE_RPC_PORT: '2' }, file: path }).rpcPort).toBe(1);
    expect(load({ env: { STROBE_RPC_PORT: '2' }, file: path }).rpcPort).toBe(2);
    expect(load({ file: path })).toMatchObject({ rpcPort: 3, ordering: 'fee' });
    expect(load({})).toMatchObject({ rpcPort: 8545, ordering: 'fifo', peers: [], fresh: false });
  });

  test('an empty variable is unset', () => {
    expect(load({ env: { STROBE_RPC_PORT: '' } }).rpcPort).toBe(8545);
  });

  test('a derived default sees the other settings and yields to any source', () => {
    expect(load({ flags: { rpcPort: '9' } }).url).toBe('http://localhost:9');
    expect(load({ env: { STROBE_URL: 'http://x' } }).url).toBe('http://x');
  });
});

describe('values', () => {
  test('lists come separated by commas, repeated, or as a file’s list', () => {
    expect(load({ flags: { peers: ['a,b', 'c'] } }).peers).toEqual(['a', 'b', 'c']);
    expect(load({ env: { STROBE_PEERS: 'a, b' } }).peers).toEqual(['a', 'b']);
    expect(load({ file: file('p2p: {peers: [a, b]}') }).peers).toEqual(['a', 'b']);
  });

  test.each([
    ['true', true],
    ['1', true],
    ['no', false],
  ])('the variable of a boolean may say %s', (text, expected) => {
    expect(load({ env: { STROBE_FRESH: text } }).fresh).toBe(expected);
  });

  test('JSON files work, and a path in a file is relative to the file', () => {
    const path = file('{"genesis": "./chain/genesis.json"}', 'strobe.json');
    expect(loadSettings(declaration, { flags: {}, env: {}, file: path }).genesis).toBe(join(folder, 'chain/genesis.json'));
  });

  test('an empty file says nothing', () => {
    expect(load({ file: file('# nothing yet\n') }).rpcPort).toBe(8545);
  });
});

describe('errors name their source', () => {
  test('flag, variable and file key', () => {
    const path = file('rpc: {port: "8545"}');
    expect(problemsOf({ flags: { rpcPort: 'abc' } })).toEqual(['flag --rpc-port: expected a port, got "abc"']);
    expect(problemsOf({ env: { STROBE_RPC_PORT: '70000' } })).toEqual(['env STROBE_RPC_PORT: too high, got 70000']);
    expect(problemsOf({ file: path })).toEqual([`file ${path}: rpc.port: expected a port, got "8545"`]);
  });

  test('an unknown key is named with the known ones of its section', () => {
    const path = file('rpc: {prot: 1}');
    expect(problemsOf({ file: path })).toEqual([`file ${path}: unknown key rpc.prot; known are rpc.port`]);
  });

  test('all problems are told at once', () => {
    expect(problemsOf({ flags: { ordering: 'lifo', rpcPort: 'x' } })).toHaveLength(2);
  });

  test('a missing setting is told with the ways to give it', () => {
    const sources = { flags: {}, env: {} };
    expect(() => loadSettings(declaration, sources)).toThrow(
      'missing: give --genesis, STROBE_GENESIS or the file key genesis (the genesis file)',
    );
  });

  test.each([
    ['text at the top', 'hello'],
    ['broken YAML', 'rpc: {port'],
    ['an alias bomb', 'a: &a [1]\nb: [*a, *a]'],
  ])('%s is an error that names the file', (_what, text) => {
    const path = file(text);
    expect(problemsOf({ file: path })[0]).toContain(`file ${path}: `);
  });

  test('a missing file is an error that names it', () => {
    const path = join(folder, 'none.yaml');
    expect(problemsOf({ file: path })[0]).toMatch(/^file .*none\.yaml: .*ENOENT/);
  });
});

describe('secrets', () => {
  test('never show in results or errors, and are refused as flags and file keys', () => {
    const settings = load({ env: { STROBE_PASSWORD: 'hunter2-and-more' }, flags: { password: 'from a flag' } });
    expect(settings.password?.reveal()).toBe('hunter2-and-more');
    expect(inspect(settings) + JSON.stringify(settings)).not.toContain('hunter2');
    expect(problemsOf({ env: { STROBE_PASSWORD: 'short' } })).toEqual(['env STROBE_PASSWORD: too short']);
    expect(problemsOf({ file: file('password: hunter2-and-more') })[0]).toMatch(/unknown key password;/);
  });
});
