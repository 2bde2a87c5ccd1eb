import { expect, test } from 'vitest';
import { changeConfig } from '../support/devnet-config.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { crashBehindSnapshot, expectWhole, falsifyItsSnapshot, REPLICA, sendUntilSafe } from '../support/replica-repair-scene.ts';
import { TestDevnet } from '../support/test-devnet.ts';

test.runIf(isFullRun)('a replica whose state does not lead along its own log takes one from its peers at its start', async () => {
  await using devnet = await TestDevnet.create({ replicas: 1 });
  const { ledger, watch } = await crashBehindSnapshot(devnet);
  // From here on it writes none, so that blocks with transfers are stored behind its newest.
  await changeConfig(devnet, REPLICA, { storage: { snapshotBlocks: 10_000 } });
  await devnet.start(REPLICA);
  await sendUntilSafe(devnet, ledger);
  await devnet.process(REPLICA).crash();
  await falsifyItsSnapshot(devnet);

  await devnet.start(REPLICA);
  expect(devnet.process(REPLICA).output).toMatch(/"code":"LOG_REPLAY_MISMATCH".*this node repairs itself from its peers/);
  await sendUntilSafe(devnet, ledger);
  await expectWhole(devnet, ledger);
  expect(await devnet.metric(REPLICA, 'strobe_state_repairs_total')).toBe(1);
  await watch.expectNothingFalse('sequencer');
});
