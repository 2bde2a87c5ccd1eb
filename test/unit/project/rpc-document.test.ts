import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { METHODS } from '../../../src/rpc/method-table.ts';

/** Names in the first column of the table below "## Methods". */
function documentedMethods(): string[] {
  const document = readFileSync(new URL('../../../docs/rpc.md', import.meta.url), 'utf8');
  const section = /^## Methods\n(.*?)^###? /ms.exec(document)?.[1] ?? '';
  const firstCells = section.split('\n').flatMap((line) => /^\|([^|]*)\|/.exec(line)?.[1] ?? []);
  return firstCells.flatMap((cell) => [...cell.matchAll(/`(\w+)`/g)].map((match) => match[1] ?? ''));
}

test('docs/rpc.md lists exactly the methods that are served', () => {
  expect(documentedMethods().sort()).toEqual(METHODS.map(({ name }) => name).sort());
});
