import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { FAULT_SEED, faultRandom, sampled } from '../support/fault-seed.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { flipBit } from '../support/log-places.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const NODES = ['sequencer', 'replica-1'] as const;
const BLOCKS = 3;

const random = faultRandom();
let devnet: TestDevnet;
let ledger: ReceiptLedger;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  ledger = new ReceiptLedger(devnet);
  for (const node of NODES) await changeConfig(devnet, node, { storage: { snapshotBlocks: 1 } });
  await devnet.startAll();
  while (ledger.lastBlock <= BLOCKS) await ledger.send('sequencer', 0);
  for (const node of NODES) {
    await devnet.safeReaches(node, BLOCKS);
    await devnet.process(node).until(async () => (await snapshotsOf(node)).length > 0, 'a snapshot is there');
  }
});

afterAll(() => devnet[Symbol.asyncDispose]());

/** Paths of a node's snapshots, oldest first. */
async function snapshotsOf(node: string): Promise<string[]> {
  const folder = join(devnet.dataDir(node), 'snapshots');
  return (await readdir(folder))
    .filter((name) => name.endsWith('.snapshot'))
    .sort()
    .map((name) => join(folder, name));
}

async function damage(path: string): Promise<void> {
  const { size } = await stat(path);
  await flipBit(path, random.below(size), random.below(8));
}

/** It says which snapshot is damaged, and has the same chain and state as before from what is left. */
async function expectComeBack(node: string, damaged: readonly string[]): Promise<void> {
  await devnet.start(node);
  for (const path of damaged) {
    const lines = devnet.process(node).output.split('\n');
    expect(lines.some((line) => line.includes('"code":"INVALID_SNAPSHOT"') && line.includes(path))).toBe(true);
  }
  await ledger.send('sequencer', 0);
  await devnet.miniBlockReaches('replica-1', (await nodeInfo(devnet.rpcUrl('sequencer'))).miniBlock);
  for (const name of NODES) {
    await devnet.safeReaches(name, ledger.lastBlock);
    await ledger.expectAllAt(name);
  }
  await expectSameChain(
    NODES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
}

test.each(sampled(NODES))(
  `a flipped bit in the newest snapshot of a %s: the rest brings it back (seed ${FAULT_SEED})`,
  async (node) => {
    await devnet.process(node).crash();
    const newest = (await snapshotsOf(node)).slice(-1);
    for (const path of newest) await damage(path);
    await expectComeBack(node, newest);
  },
);

test.each(sampled(NODES))(
  `a flipped bit in every snapshot of a %s: the log brings it back (seed ${FAULT_SEED})`,
  async (node) => {
    expect(await devnet.process(node).stop()).toEqual({ code: 0, signal: null });
    const all = await snapshotsOf(node);
    expect(all.length).toBeGreaterThan(0);
    for (const path of all) await damage(path);
    await expectComeBack(node, all);
  },
);
