import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { buildWasm, WASM_MODULES } from '../../../scripts/build-wasm.ts';

test.each(WASM_MODULES)(
  '$output is what the compiler makes of $entry (else run node scripts/build-wasm.ts)',
  async (module) => {
    const committed = readFileSync(join(import.meta.dirname, '../../..', module.output), 'utf8');
    // Compared as a condition: a difference of two modules in base64 helps nobody.
    expect(committed === (await buildWasm(module))).toBe(true);
  },
  60_000,
);
