import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { describe, expect, it } from 'vitest';
import { buildArtifacts } from '../../../scripts/build-contracts.ts';
import { contractArtifact } from '../../../src/bench/artifacts.ts';
import { fromHex, toKey } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';

describe('artifacts.json', () => {
  it('is what scripts/build-contracts.ts writes', () => {
    const committed = readFileSync(new URL('../../../src/bench/artifacts.json', import.meta.url), 'utf8');
    expect(buildArtifacts() === committed, 'run node scripts/build-contracts.ts').toBe(true);
  }, 60_000);

  it('has a router that looks for the pairs this factory creates', () => {
    const require = createRequire(import.meta.url);
    const pair = require('@uniswap/v2-core/build/UniswapV2Pair.json') as { bytecode: string };
    const bytecode = fromHex(`0x${pair.bytecode.replace(/^0x/, '')}`);
    expect(contractArtifact('UniswapV2Router02').bytecode).toContain(toKey(keccak256(bytecode)));
    expect(contractArtifact('UniswapV2Factory').bytecode).toContain(toKey(bytecode));
  });
});
