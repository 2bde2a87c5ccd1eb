import { join } from 'node:path';
import { expect } from 'vitest';
import { loadGenesisChain } from '../../src/node/genesis-chain.ts';
import { expectSameChain } from './chain-agreement.ts';
import { changeConfig } from './devnet-config.ts';
import { falsifyNewest } from './false-snapshots.ts';
import { nodeInfo } from './json-rpc.ts';
import { ReceiptLedger } from './receipt-ledger.ts';
import { SafeWatch } from './safe-watch.ts';
import type { TestDevnet } from './test-devnet.ts';

// What tests share in which a replica finds at its start that what it has does not belong together.

/** The nodes of these tests. */
export const REPLICA = 'replica-1';
const NODES = ['sequencer', REPLICA] as const;

/** Waits until the replica's newest snapshot is of the ledger's last block, or a later one. */
async function hasSnapshotOfLast(devnet: TestDevnet, { lastBlock }: ReceiptLedger): Promise<void> {
  const isWritten = async (): Promise<boolean> => (await devnet.metric(REPLICA, 'strobe_snapshot_block_number')) >= lastBlock;
  await devnet.process(REPLICA).until(isWritten, 'its snapshot has the transfer');
}

/** A devnet whose replica ended by a crash, with a snapshot that has the ledger's one transfer. */
export async function crashBehindSnapshot(
  devnet: TestDevnet,
): Promise<{ readonly ledger: ReceiptLedger; readonly watch: SafeWatch }> {
  const ledger = new ReceiptLedger(devnet);
  for (const name of NODES) await changeConfig(devnet, name, { storage: { snapshotBlocks: 1 } });
  await devnet.startAll();
  const watch = new SafeWatch(devnet, [REPLICA]);
  await ledger.send('sequencer', 0);
  await hasSnapshotOfLast(devnet, ledger);
  await devnet.process(REPLICA).crash();
  return { ledger, watch };
}

/** Puts a false state into the newest snapshot of the replica, which does not run. */
export async function falsifyItsSnapshot(devnet: TestDevnet): Promise<void> {
  const { identity } = await loadGenesisChain(devnet.paths.genesis);
  await falsifyNewest(join(devnet.dataDir(REPLICA), 'snapshots'), identity.genesisHash);
}

/** Sends a transfer; resolves when both nodes call it safe. */
export async function sendUntilSafe(devnet: TestDevnet, ledger: ReceiptLedger): Promise<void> {
  await ledger.send('sequencer', 0);
  for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
}

/** The replica has the whole chain, follows it, and accuses nobody. */
export async function expectWhole(devnet: TestDevnet, ledger: ReceiptLedger): Promise<void> {
  await expectSameChain(
    NODES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
  expect(await nodeInfo(devnet.rpcUrl(REPLICA))).toMatchObject({ state: 'live', haltDigest: null, excludedProvers: [] });
}
