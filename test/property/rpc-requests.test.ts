import { afterAll, beforeAll, expect, test } from 'vitest';
import { InProcessSequencer } from '../support/in-process-sequencer.ts';
import { runs } from '../support/property-runs.ts';
import { FUZZED_NODE_SETTINGS, RpcFuzzer } from '../support/rpc-fuzzer.ts';

const { numRuns = 0, seed = 0 } = runs(1_500);
let node: InProcessSequencer;
beforeAll(async () => {
  node = await InProcessSequencer.start(FUZZED_NODE_SETTINGS);
});
afterAll(async () => node[Symbol.asyncDispose]());

test('every request, however wrong, has an answer that says nothing of the inside', async () => {
  const { outcomes } = await (await RpcFuzzer.create(node, seed)).run(numRuns);
  expect(outcomes.get('result')).toBeGreaterThan(numRuns / 10);
  expect(outcomes.get('-32602')).toBeGreaterThan(numRuns / 10);
});
