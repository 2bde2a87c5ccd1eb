import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { buildArenaWasm } from '../../../../scripts/build-wasm.ts';

test('the committed module is what the compiler makes of assembly/ (else run node scripts/build-wasm.ts)', async () => {
  const committed = readFileSync(new URL('../../../../src/state/arena/arena-wasm.ts', import.meta.url), 'utf8');
  // Compared as a condition: a difference of two modules in base64 helps nobody.
  expect(committed === (await buildArenaWasm())).toBe(true);
}, 60_000);
