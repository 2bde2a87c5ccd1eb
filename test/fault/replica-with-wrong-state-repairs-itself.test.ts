import { expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { rpcBatch } from '../support/json-rpc.ts';
import { crashBehindSnapshot, expectWhole, falsifyItsSnapshot, REPLICA, sendUntilSafe } from '../support/replica-repair-scene.ts';
import { TestDevnet } from '../support/test-devnet.ts';

test('a replica whose own state has become wrong replaces it by that of a snapshot from its peers', async () => {
  await using devnet = await TestDevnet.create({ replicas: 1 });
  // What follows on the snapshot's block touches no balance, so that nothing shows when the replica reads its log again.
  const { ledger, watch } = await crashBehindSnapshot(devnet);
  await falsifyItsSnapshot(devnet);

  await devnet.start(REPLICA);
  const honest = await balances(devnet, 'sequencer');
  expect(await balances(devnet, REPLICA)).not.toEqual(honest);
  await ledger.send('sequencer', 0);
  await devnet.process(REPLICA).until(async () => (await repairsOf(devnet)) > 0, 'it repairs itself');
  await devnet.ready(REPLICA);

  await sendUntilSafe(devnet, ledger);
  expect(await balances(devnet, REPLICA)).toEqual(await balances(devnet, 'sequencer'));
  // Nothing but the state was given up.
  await expectWhole(devnet, ledger);
  expect(await repairsOf(devnet)).toBe(1);
  await watch.expectNothingFalse('sequencer');
});

/** 0 while it is wired anew. */
async function repairsOf(devnet: TestDevnet): Promise<number> {
  return devnet.metric(REPLICA, 'strobe_state_repairs_total').catch(() => 0);
}

function balances(devnet: TestDevnet, name: string): Promise<Hex[]> {
  const calls = devnet.accounts.map(({ address }) => [address, 'latest']);
  return rpcBatch(devnet.rpcUrl(name), 'eth_getBalance', calls);
}
