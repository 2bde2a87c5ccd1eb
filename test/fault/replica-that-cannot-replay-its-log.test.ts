import { join } from 'node:path';
import { expect, test } from 'vitest';
import { loadGenesisChain } from '../../src/node/genesis-chain.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { falsifyNewest } from '../support/false-snapshots.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { SafeWatch } from '../support/safe-watch.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const REPLICA = 'replica-1';
const NODES = ['sequencer', REPLICA] as const;

test.runIf(isFullRun)('a replica whose state does not lead along its own log takes one from its peers at its start', async () => {
  await using devnet = await TestDevnet.create({ replicas: 1 });
  const ledger = new ReceiptLedger(devnet);
  for (const name of NODES) await changeConfig(devnet, name, { storage: { snapshotBlocks: 1 } });
  await devnet.startAll();
  const watch = new SafeWatch(devnet, [REPLICA]);
  await ledger.send('sequencer', 0);
  const isWritten = async (): Promise<boolean> =>
    (await devnet.metric(REPLICA, 'strobe_snapshot_block_number')) >= ledger.lastBlock;
  await devnet.process(REPLICA).until(isWritten, 'its snapshot has the transfer');
  await devnet.process(REPLICA).crash();
  // From here on it writes none, so that blocks with transfers are stored behind its newest.
  await changeConfig(devnet, REPLICA, { storage: { snapshotBlocks: 10_000 } });
  await devnet.start(REPLICA);
  await ledger.send('sequencer', 0);
  for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
  await devnet.process(REPLICA).crash();
  const { identity } = await loadGenesisChain(devnet.paths.genesis);
  await falsifyNewest(join(devnet.dataDir(REPLICA), 'snapshots'), identity.genesisHash);

  await devnet.start(REPLICA);
  expect(devnet.process(REPLICA).output).toMatch(/"code":"LOG_REPLAY_MISMATCH".*this node repairs itself from its peers/);
  await ledger.send('sequencer', 0);
  for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
  await expectSameChain(
    NODES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
  expect(await devnet.metric(REPLICA, 'strobe_state_repairs_total')).toBe(1);
  expect(await nodeInfo(devnet.rpcUrl(REPLICA))).toMatchObject({ state: 'live', haltDigest: null, excludedProvers: [] });
  await watch.expectNothingFalse('sequencer');
});
