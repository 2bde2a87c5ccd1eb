import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { rpcLimitsSchema } from '../../../src/rpc/limits.ts';

const KIB = 1_024;
const MIB = 1_024 * KIB;

function written(name: string, value: number): string {
  // Its default is this machine's.
  if (name === 'executors') return 'half of the cores, 1 to 4';
  if (name.includes('Bytes') && value % MIB === 0) return `${value / MIB} MiB`;
  if (name.includes('Bytes') && value % KIB === 0) return `${value / KIB} KiB`;
  return value.toLocaleString('en-US');
}

test('docs/rpc.md lists exactly the limits that there are, with their defaults', () => {
  const document = readFileSync(new URL('../../../docs/rpc.md', import.meta.url), 'utf8');
  const section = /^## Limits\n(.*?)^## /ms.exec(document)?.[1] ?? '';
  const rows = section.split('\n').filter((line) => line.startsWith('| `'));
  const defaults = Object.entries(rpcLimitsSchema.parse({}));
  const expected = defaults.map(([name, value]) => {
    const help = rpcLimitsSchema.shape[name as keyof typeof rpcLimitsSchema.shape].description;
    return `| \`${name}\` | ${written(name, value)} | ${help} |`;
  });
  expect(rows).toEqual(expected);
});
