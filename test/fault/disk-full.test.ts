import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { faultRandom, isFullRun, sampled } from '../support/fault-seed.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { expectContiguous } from '../support/mini-block-chain.ts';
import type { NodeProcess } from '../support/node-process.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { noSmallDisks, SmallDisk } from '../support/small-disk.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const reason = noSmallDisks();
if (reason !== undefined) console.warn(`tests of a full disk skipped: ${reason}`);

const DISK_BYTES = 64 * 1024 * 1024;
/** Calldata of a transaction: some twenty fill the room in a log. */
const DATA_BYTES = 100_000;
const SENDERS = 4;
const NODES = ['sequencer', 'replica-1'] as const;

interface Disk {
  readonly node: (typeof NODES)[number];
  /** In the node's data directory; empty: all of it but for what is below. */
  readonly folder: string;
  /** Room that the load has to fill. The log takes every transaction whole, the others take a little of each block. */
  readonly roomBytes: number;
}

/** Parents first. */
const DISKS = sampled<Disk>([
  { node: 'sequencer', folder: '', roomBytes: 2 * 1024 * 1024 },
  { node: 'replica-1', folder: '', roomBytes: 2 * 1024 * 1024 },
  { node: 'sequencer', folder: 'chain', roomBytes: 0 },
  { node: 'sequencer', folder: 'witnesses', roomBytes: 0 },
]);
const SNAPSHOTS: Disk = { node: 'sequencer', folder: 'snapshots', roomBytes: 0 };

let devnet: TestDevnet;
let ledger: ReceiptLedger;
const disks = new Map<Disk, SmallDisk>();

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  ledger = new ReceiptLedger(devnet);
  if (reason !== undefined) return;
  for (const node of NODES) await changeConfig(devnet, node, { storage: { snapshotBlocks: 1 } });
  await devnet.startAll();
  await ledger.send('sequencer', 0);
  await devnet.miniBlockReaches('replica-1', (await nodeInfo(devnet.rpcUrl('sequencer'))).miniBlock);
  for (const node of NODES) expect(await devnet.process(node).stop()).toEqual({ code: 0, signal: null });
  for (const disk of [...DISKS, SNAPSHOTS]) {
    disks.set(disk, await SmallDisk.create(join(devnet.dataDir(disk.node), disk.folder), DISK_BYTES));
  }
  for (const node of NODES) await devnet.start(node);
});

afterAll(async () => {
  await devnet[Symbol.asyncDispose]();
  for (const disk of disks.values()) await disk[Symbol.asyncDispose]();
});

/** Fills the disk by load until the node ends by it. */
async function loadUntilFull(node: string): Promise<NodeProcess> {
  const process = devnet.process(node);
  const load = { data: faultRandom().bytes(DATA_BYTES), isEnough: () => process.hasExited };
  const senders = Array.from({ length: SENDERS }, (_, account) => ledger.sendUntilFailure('sequencer', account, load));
  await process.until(() => process.hasExited, 'it ends on the full disk');
  await Promise.all(senders);
  return process;
}

/** A clear end: exit code 1 and one fatal line, which names what could not be written and why. */
async function expectClearEnd(process: NodeProcess): Promise<void> {
  expect(await process.exited).toEqual({ code: 1, signal: null });
  const fatal = process.output.split('\n').filter((line) => line.includes('"level":"fatal"'));
  expect(fatal, process.lastLines()).toHaveLength(1);
  const { code, msg } = JSON.parse(defined(fatal[0])) as { code: string; msg: string };
  expect(code, process.lastLines()).toMatch(/^[A-Z_]+_FAILED$/);
  expect(msg).toMatch(/no space left/i);
}

/** All that was acknowledged is on both nodes, they agree, and the chain goes on. */
async function expectNothingLost(): Promise<void> {
  await ledger.expectAllAt('sequencer');
  await ledger.send('sequencer', 0);
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await devnet.miniBlockReaches('replica-1', miniBlock);
  await ledger.expectAllAt('replica-1');
  for (const name of NODES) {
    await devnet.safeReaches(name, ledger.lastBlock);
    await expectContiguous(devnet.rpcUrl(name), miniBlock);
  }
  await expectSameChain(
    NODES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
  expect(await nodeInfo(devnet.rpcUrl('replica-1'))).toMatchObject({ state: 'live', isReady: true });
  expect(await rpc(devnet.rpcUrl('replica-1'), 'strobe_equivocations')).toEqual([]);
}

test.skipIf(reason !== undefined).each(DISKS)(
  'the disk below $node/$folder is full: the node ends, and nothing is lost when there is room',
  async (full) => {
    const { node, roomBytes } = full;
    const disk = defined(disks.get(full));
    await ledger.send('sequencer', 0);
    disk.fill(roomBytes);
    await expectClearEnd(await loadUntilFull(node));

    disk.fill(0);
    const again = defined(devnet.launch(node)[0]);
    await again.until(() => again.hasExited, 'it gives up');
    expect(await again.exited).toEqual({ code: 1, signal: null });
    expect(again.output).toMatch(/"level":"fatal".*no space left/i);

    disk.makeRoom();
    await devnet.start(node);
    await expectNothingLost();
  },
);

test.skipIf(reason !== undefined || !isFullRun)(
  'the disk of the snapshots is full: the sequencer goes on with its log, and says so',
  async () => {
    const disk = defined(disks.get(SNAPSHOTS));
    const sequencer = devnet.process('sequencer');
    disk.fill(0);
    const isFailed = (): boolean => /"level":"error".*no snapshot was written.*no space left/i.test(sequencer.output);
    while (!isFailed()) await ledger.send('sequencer', 0);
    await expectNothingLost();
    expect(sequencer.hasExited).toBe(false);

    await sequencer.crash();
    disk.makeRoom();
    await devnet.start('sequencer');
    await expectNothingLost();
    const restarted = devnet.process('sequencer');
    await restarted.until(() => restarted.output.includes('a snapshot of the state was written'), 'a snapshot is written again');
  },
);
