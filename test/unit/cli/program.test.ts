import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runCli } from '../../../src/cli/program.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strobe-cli-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

async function run(args: string[], env: NodeJS.ProcessEnv = {}) {
  const result = { code: 0, out: '', err: '' };
  await runCli(args, {
    env,
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

describe('help and version', () => {
  test('--version prints it', async () => {
    expect(await run(['--version'])).toEqual({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), err: '' });
  });

  test('--help lists the commands', async () => {
    const { code, out } = await run(['--help']);
    expect(code).toBe(0);
    for (const name of ['devnet', 'replica', 'prover', 'keys', 'snapshot', 'evidence', 'verify-evidence', 'resume'])
      expect(out).toMatch(new RegExp(`^  ${name}`, 'm'));
  });

  test.each(['devnet', 'sequencer', 'replica', 'prover', 'bench'])(
    '%s --help describes every flag with its other sources',
    async (name) => {
      const { code, out } = await run([name, '--help']);
      expect(code).toBe(0);
      expect(out).toMatch(/--config <path>/);
      expect(out.replace(/\s+/g, ' ')).toMatch(/\(default \S+; env STROBE_[A-Z_]+; file \S+\)/);
    },
  );

  test('the password is a variable and no flag', async () => {
    const { out } = await run(['sequencer', '--help']);
    expect(out).toContain('STROBE_PASSWORD');
    expect(out).not.toMatch(/--password /);
  });
});

describe('wrong usage exits with 2 and one readable line', () => {
  const given = ['--genesis', 'g.json', '--keystore', 'k.json'];

  test('a bad flag', async () => {
    const { code, err } = await run(['sequencer', ...given, '--rpc-port', 'abc']);
    expect([code, err]).toEqual([2, 'strobe: flag --rpc-port: expected a port number, got "abc"\n']);
  });

  test('a bad variable', async () => {
    const { code, err } = await run(['sequencer', ...given], { STROBE_ORDERING: 'random' });
    expect(code).toBe(2);
    expect(err).toMatch(/^strobe: env STROBE_ORDERING: .*fifo.*fee.*got "random"\n$/);
  });

  test('a bad file, found through a variable', async () => {
    const file = join(folder, 'x.yaml');
    writeFileSync(file, 'rpc: {prot: 1}');
    const { code, err } = await run(['sequencer', ...given], { STROBE_CONFIG: file });
    expect([code, err]).toEqual([
      2,
      `strobe: file ${file}: unknown key rpc.prot; known are rpc.host, rpc.port, rpc.allowedHosts, rpc.allowedOrigins, rpc.trustedProxies, rpc.clientAddressHeader, rpc.limitLoopback, rpc.api, rpc.deniedMethods\n`,
    ]);
  });

  test.each([
    [['sequencer', '--nope']],
    [['nonsense']],
    [['bench', '--workload', 'dance']],
    [['keys', 'import', '/none', '--light']],
    [[]],
  ])('%j', async (args) => {
    const { code, err } = await run(args);
    expect(code).toBe(2);
    expect(err).not.toMatch(/\n\s+at /);
  });
});

describe('keys', () => {
  /** First account of the test mnemonic. */
  const privateKey = '0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80';
  const address = '0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266';
  const env = { STROBE_PASSWORD: 'password' };
  const keysDir = () => ['--keys-dir', join(folder, 'keys')];

  test('new makes a key that list shows', async () => {
    const made = await run(['keys', 'new', '--light', '--name', 'sequencer', ...keysDir()], env);
    expect(made).toMatchObject({ code: 0, out: expect.stringMatching(/^0x[0-9a-f]{40} {2}.*sequencer\.json\n$/) });
    expect((await run(['keys', 'list', ...keysDir()])).out).toBe(made.out);
  });

  test('import takes a private key and a keystore', async () => {
    const file = join(folder, 'key.txt');
    writeFileSync(file, `${privateKey}\n`);
    const first = await run(['keys', 'import', file, '--light', ...keysDir()], env);
    expect(first.out).toBe(`${address}  ${join(folder, 'keys', `${address}.json`)}\n`);
    const again = await run(
      ['keys', 'import', join(folder, 'keys', `${address}.json`), '--light', '--name', 'copy', ...keysDir()],
      env,
    );
    expect(again.out).toContain(address);
    expect(readdirSync(join(folder, 'keys')).sort()).toEqual([`${address}.json`, 'copy.json']);
  });

  test('nothing is overwritten, and a wrong password opens nothing', async () => {
    const file = join(folder, 'key.txt');
    writeFileSync(file, privateKey);
    await run(['keys', 'import', file, '--light', ...keysDir()], env);
    const twice = await run(['keys', 'import', file, '--light', ...keysDir()], env);
    expect(twice).toMatchObject({ code: 1, err: expect.stringContaining('never overwritten') });
    const wrong = await run(['keys', 'import', join(folder, 'keys', `${address}.json`), '--name', 'x', ...keysDir()], {
      STROBE_PASSWORD: 'other',
    });
    expect(wrong).toMatchObject({ code: 1, err: expect.stringContaining('does not open') });
  });

  test('a name cannot lead out of the folder', async () => {
    const { code, err } = await run(['keys', 'new', '--name', '../../etc/key', ...keysDir()], env);
    expect([code, err]).toEqual([2, expect.stringContaining('flag --name')]);
  });

  test('an empty folder is said to be empty', async () => {
    expect(await run(['keys', 'list', ...keysDir()])).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('no keystores'),
    });
  });
});
