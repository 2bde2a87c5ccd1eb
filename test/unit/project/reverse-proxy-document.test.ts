import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadSettings } from '../../../src/node/config-load.ts';
import { replicaSettings } from '../../../src/node/settings.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

const document = readFileSync(new URL('../../../docs/reverse-proxy.md', import.meta.url), 'utf8');
const block = (language: string): string => new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(document)?.[1] ?? '';

test('the settings of docs/reverse-proxy.md are valid', () => {
  const file = join(tempDirectory(), 'replica.yaml');
  writeFileSync(file, block('yaml'));
  const settings = loadSettings(replicaSettings, { flags: { genesis: 'g.json' }, env: {}, file });
  expect(settings).toMatchObject({ rpcTrustedProxies: ['127.0.0.1'], rpcApi: ['eth', 'net', 'web3'] });
});

const nginx = process.env['STROBE_NGINX'] ?? 'nginx';
const isInstalled = spawnSync(nginx, ['-v']).error === undefined;
if (!isInstalled) console.log('nginx is not installed: the syntax of docs/reverse-proxy.md is not checked');

test.runIf(isInstalled)('nginx understands the configuration of docs/reverse-proxy.md', () => {
  const folder = tempDirectory();
  // Certificates are the reader's own, and ports below 1024 root's.
  const site = block('nginx')
    .replace(/^ +ssl_.*\n/gm, '')
    .replace(/(listen .*?)443 ssl/g, '$18443')
    .replace(/(listen .*?)80;/g, '$18080;');
  const main = join(folder, 'nginx.conf');
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `${name}_temp_path ${folder}/${name};`)
    .join('\n');
  writeFileSync(main, `pid ${folder}/pid;\nerror_log stderr;\nevents {}\nhttp {\naccess_log off;\n${paths}\n${site}}\n`);
  const { status, stderr } = spawnSync(nginx, ['-t', '-c', main, '-p', folder], { encoding: 'utf8' });
  expect([status, stderr]).toEqual([0, expect.stringContaining('syntax is ok')]);
});
