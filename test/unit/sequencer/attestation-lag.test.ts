import { expect, test } from 'vitest';
import { createMetrics } from '../../../src/observability/metrics.ts';
import type { ChainReader } from '../../../src/protocol/ports/chain.ts';
import { attestationLag, observeAttestationLag } from '../../../src/sequencer/attestation-lag.ts';

function chainAt(head: number, safe: number | undefined): Pick<ChainReader, 'head' | 'safeNumber'> {
  return { head: () => ({ header: { number: head } }) as ReturnType<ChainReader['head']>, safeNumber: () => safe };
}

test('the sequencer slows down at the limit and not before', () => {
  expect(attestationLag(chainAt(9, undefined), 10)).toEqual({ unattestedBlocks: 9, isSlowedDown: false });
  expect(attestationLag(chainAt(10, undefined), 10)).toEqual({ unattestedBlocks: 10, isSlowedDown: true });
  expect(attestationLag(chainAt(30, 21), 10)).toEqual({ unattestedBlocks: 9, isSlowedDown: false });
});

test('metrics show it when they are asked', async () => {
  const metrics = createMetrics();
  const chain = { head: 12, safe: 1 };
  observeAttestationLag(metrics, () => attestationLag(chainAt(chain.head, chain.safe), 10));
  const lines = async () => (await metrics.expose()).body.split('\n').filter((line) => /^strobe_/.test(line));
  expect(await lines()).toEqual(['strobe_unattested_blocks 11', 'strobe_gas_budget_cut 1']);
  chain.safe = 12;
  expect(await lines()).toEqual(['strobe_unattested_blocks 0', 'strobe_gas_budget_cut 0']);
});
