import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadGenesisChain } from '../../src/node/genesis-chain.ts';
import type { Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { falsifyNewest } from '../support/false-snapshots.ts';
import { nodeInfo, rpcBatch } from '../support/json-rpc.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { SafeWatch } from '../support/safe-watch.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const REPLICA = 'replica-1';
const NODES = ['sequencer', REPLICA] as const;

test('a replica whose own state has become wrong replaces it by that of a snapshot from its peers', async () => {
  await using devnet = await TestDevnet.create({ replicas: 1 });
  const ledger = new ReceiptLedger(devnet);
  for (const name of NODES) await changeConfig(devnet, name, { storage: { snapshotBlocks: 1 } });
  await devnet.startAll();
  const watch = new SafeWatch(devnet, [REPLICA]);
  await ledger.send('sequencer', 0);
  // What follows on this block touches no balance, so that nothing shows when the replica reads its log again.
  const isWritten = async (): Promise<boolean> =>
    (await devnet.metric(REPLICA, 'strobe_snapshot_block_number')) >= ledger.lastBlock;
  await devnet.process(REPLICA).until(isWritten, 'its snapshot has the transfer');
  await devnet.process(REPLICA).crash();
  const { identity } = await loadGenesisChain(devnet.paths.genesis);
  await falsifyNewest(join(devnet.dataDir(REPLICA), 'snapshots'), identity.genesisHash);

  await devnet.start(REPLICA);
  const honest = await balances(devnet, 'sequencer');
  expect(await balances(devnet, REPLICA)).not.toEqual(honest);
  await ledger.send('sequencer', 0);
  await devnet.process(REPLICA).until(async () => (await repairsOf(devnet)) > 0, 'it repairs itself');
  await devnet.ready(REPLICA);

  await ledger.send('sequencer', 0);
  for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
  expect(await balances(devnet, REPLICA)).toEqual(await balances(devnet, 'sequencer'));
  // Nothing but the state was given up.
  await expectSameChain(
    NODES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
  expect(await nodeInfo(devnet.rpcUrl(REPLICA))).toMatchObject({ state: 'live', haltDigest: null, excludedProvers: [] });
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
