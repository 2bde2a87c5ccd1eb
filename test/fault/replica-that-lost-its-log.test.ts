import { expect, test } from 'vitest';
import { isFullRun } from '../support/fault-seed.ts';
import { tearTail } from '../support/log-tail.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { expectWhole, REPLICA, sendUntilSafe } from '../support/replica-repair-scene.ts';
import { SafeWatch } from '../support/safe-watch.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const BLOCKS = 4;
/** Several blocks of one mini-block and a seal each. */
const LOST_RECORDS = 5;

test.runIf(isFullRun)('a replica whose log lost safe blocks gets them back from its peers, with all its history', async () => {
  await using devnet = await TestDevnet.create({ replicas: 1 });
  const ledger = new ReceiptLedger(devnet);
  await devnet.startAll();
  const watch = new SafeWatch(devnet, [REPLICA]);
  for (let i = 0; i < BLOCKS; i++) await sendUntilSafe(devnet, ledger);
  await devnet.process(REPLICA).crash();
  // As a power failure does: a replica's log is not synced.
  await tearTail(devnet.dataDir(REPLICA), LOST_RECORDS);

  await devnet.start(REPLICA);
  expect(devnet.process(REPLICA).output).toContain('this node repairs itself from its peers');
  expect(devnet.process(REPLICA).output).toContain('lost records came back from peers');
  await sendUntilSafe(devnet, ledger);
  await expectWhole(devnet, ledger);
  await watch.expectNothingFalse('sequencer');
});
