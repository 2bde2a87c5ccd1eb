import { expect, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { tearTail } from '../support/log-tail.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { SafeWatch } from '../support/safe-watch.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const REPLICA = 'replica-1';
const NODES = ['sequencer', REPLICA] as const;
const BLOCKS = 4;
/** Several blocks of one mini-block and a seal each. */
const LOST_RECORDS = 5;

test.runIf(isFullRun)('a replica whose log lost safe blocks gets them back from its peers, with all its history', async () => {
  await using devnet = await TestDevnet.create({ replicas: 1 });
  const ledger = new ReceiptLedger(devnet);
  await devnet.startAll();
  const watch = new SafeWatch(devnet, [REPLICA]);
  for (let i = 0; i < BLOCKS; i++) {
    await ledger.send('sequencer', 0);
    for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
  }
  await devnet.process(REPLICA).crash();
  // As a power failure does: a replica's log is not synced.
  await tearTail(devnet.dataDir(REPLICA), LOST_RECORDS);

  await devnet.start(REPLICA);
  expect(devnet.process(REPLICA).output).toContain('this node repairs itself from its peers');
  expect(devnet.process(REPLICA).output).toContain('lost records came back from peers');
  await ledger.send('sequencer', 0);
  for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
  await expectSameChain(
    NODES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
  expect(await nodeInfo(devnet.rpcUrl(REPLICA))).toMatchObject({ state: 'live', haltDigest: null, excludedProvers: [] });
  await watch.expectNothingFalse('sequencer');
});
