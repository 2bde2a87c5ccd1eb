import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { BROWSER_ENTRY, boundaryViolations, browserViolations, checkBoundaries } from '../../../scripts/boundaries.ts';

test('no source file imports a folder that it may not import', () => {
  const files = globSync('src/**/*.ts');
  expect(files.length).toBeGreaterThan(50);
  expect(checkBoundaries(files)).toEqual([]);
});

test.each([
  ['src/fullnode/x.ts', "import { a } from '../execution/ethereumjs/engine.ts';"],
  ['src/fullnode/x.ts', "import type { A } from '../execution/ethereumjs/engine.ts';"],
  ['src/fullnode/x.ts', "export { a } from '../execution/ethereumjs/engine.ts';"],
  ['src/fullnode/x.ts', "const a = await import('../execution/ethereumjs/engine.ts');"],
  ['src/protocol/ports/x.ts', "import { a } from '../../state/trie.ts';"],
  ['src/rpc/methods/x.ts', "import { a } from '../../sequencer/mempool.ts';"],
  ['src/cli/x.ts', "import { a } from '../sequencer/sequencer.ts';"],
  ['src/unknown-folder/x.ts', "import { a } from '../util/bytes.ts';"],
  ['src/fullnode/x.ts', "type A = import('../execution/ethereumjs/engine.ts').A;"],
  ['src/fullnode/x.ts', "const worker = new Worker(new URL('../execution/worker.ts', import.meta.url));"],
  ['src/fullnode/x.ts', "const url = workerUrl('../execution/worker', import.meta.url);"],
  ['src/fullnode/x.ts', "import { a } from '/somewhere/src/execution/ethereumjs/engine.ts';"],
  ['src/fullnode/x.ts', "import { a } from '../../test/support/defined.ts';"],
  ['src/in-no-folder.ts', "import { a } from './execution/ethereumjs/engine.ts';"],
])('a planted violation is seen: %s: %s', (file, source) => {
  expect(boundaryViolations(file, source)).toHaveLength(1);
});

test('imports of packages, of the own folder and of allowed folders are no violations', () => {
  const source = "import 'zod'; import './a.ts'; import { b } from '../util/bytes.ts'; import '../protocol/rlp.ts';";
  expect(boundaryViolations('src/state/x.ts', source)).toEqual([]);
});

test('what runs in browsers imports no Node built-in and no package but two', () => {
  const seen: string[] = [];
  const read = (file: string): string => {
    seen.push(file);
    return readFileSync(file, 'utf8');
  };
  expect(browserViolations(read)).toEqual([]);
  expect(seen).toEqual(expect.arrayContaining([BROWSER_ENTRY, 'src/util/keccak.ts', 'src/protocol/receipt.ts']));
});

test.each([
  ["import { readFile } from 'node:fs';", 1],
  ["import secp256k1 from 'secp256k1';", 1],
  ["export { a } from 'crypto';", 1],
  ["const { Worker } = await import('node:worker_threads');", 1],
  ["import { secp256k1 } from '@noble/curves/secp256k1.js';", 0],
  ["import type { Transport } from 'viem';", 0],
])('a planted violation in what runs in browsers is seen: %s', (source, count) => {
  expect(browserViolations((file) => (file === BROWSER_ENTRY ? "import '../util/planted.ts';" : source))).toHaveLength(count);
});
