import { readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo, rpc, rpcBatch } from '../support/json-rpc.ts';
import { NodeProcess } from '../support/node-process.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

/** Blocks that the chain has before a snapshot of it is moved. */
const BLOCKS_BEFORE = 3;
/** geth's code for what history pruning took (EIP-4444). */
const HISTORY_PRUNED = 4444;

let devnet: TestDevnet;
let ledger: ReceiptLedger;
/** Where the exported snapshot is, and the block that it is of. */
let exported: string;
let snapshotBlock: number;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 2 });
  ledger = new ReceiptLedger(devnet);
  exported = join(devnet.paths.root, 'exported.snapshot');
  await changeConfig(devnet, 'replica-1', { storage: { snapshotBlocks: 1 } });
  await devnet.start('sequencer');
  await devnet.start('replica-1', 'prover-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

const url = (name: string): string => devnet.rpcUrl(name);

async function snapshotsOf(name: string): Promise<string[]> {
  const names = await readdir(join(devnet.dataDir(name), 'snapshots')).catch(() => []);
  return names.filter((each) => each.endsWith('.snapshot')).sort();
}

/** Runs `strobe snapshot …` to its end. */
async function snapshotCommand(...args: string[]): Promise<{ readonly code: number | null; readonly output: string }> {
  const command = new NodeProcess(`snapshot ${args[0]}`, ['snapshot', ...args], { supervised: false });
  const { code } = await command.exited;
  return { code, output: command.output };
}

function importInto(dataDir: string, input = exported) {
  return snapshotCommand('import', '--data-dir', dataDir, '--input', input, '--genesis', devnet.paths.genesis);
}

/** Both nodes have one chain above the snapshot up to a block that is new and safe, and one state. */
async function expectInStep(name: string): Promise<void> {
  const newest = ledger.lastBlock;
  const { miniBlock } = await nodeInfo(url('sequencer'));
  await devnet.miniBlockReaches(name, miniBlock);
  for (const node of ['sequencer', name]) await devnet.safeReaches(node, newest);
  await expectSameChain([url('sequencer'), url(name)], { from: snapshotBlock + 1, to: newest });
  const addresses = [...devnet.accounts.map(({ address }) => address), ...ledger.given.map(({ recipient }) => recipient)];
  const balancesAt = (node: string): Promise<Hex[]> =>
    rpcBatch(
      url(node),
      'eth_getBalance',
      addresses.map((address) => [address, 'latest']),
    );
  expect(await balancesAt(name)).toEqual(await balancesAt('sequencer'));
  expect(await nodeInfo(url(name))).toMatchObject({ state: 'live', isReady: true });
}

test('a snapshot of a stopped replica is exported', async () => {
  while (ledger.lastBlock <= BLOCKS_BEFORE) await ledger.send('sequencer', 0);
  await devnet.process('replica-1').until(async () => {
    const [newest = ''] = (await snapshotsOf('replica-1')).slice(-1);
    return Number.parseInt(newest, 10) >= BLOCKS_BEFORE;
  }, 'a snapshot is there');
  expect(await devnet.process('replica-1').stop()).toEqual({ code: 0, signal: null });
  const { code, output } = await snapshotCommand('export', '--data-dir', devnet.dataDir('replica-1'), '--output', exported);
  expect(code).toBe(0);
  snapshotBlock = Number(output.split(' ')[0]);
  expect(snapshotBlock).toBeGreaterThanOrEqual(BLOCKS_BEFORE);
  const verified = await snapshotCommand('verify', exported, '--genesis', devnet.paths.genesis);
  expect(verified).toMatchObject({ code: 0, output });
});

test('an export that was tampered with is refused, and leaves nothing', async () => {
  const content = await readFile(exported);
  const tampered = join(devnet.paths.root, 'tampered.snapshot');
  for (const at of [20, content.length - 50]) {
    const other = Buffer.from(content);
    other[at] = (other[at] as number) ^ 1;
    await writeFile(tampered, other);
    const { code, output } = await importInto(devnet.dataDir('replica-2'), tampered);
    expect(code).toBe(1);
    expect(output).toContain('cannot be used');
    await expect(stat(join(devnet.dataDir('replica-2'), 'chain'))).rejects.toMatchObject({ code: 'ENOENT' });
  }
});

test('a new replica that it was imported into goes on from its block and becomes live', async () => {
  expect(await importInto(devnet.dataDir('replica-2'))).toMatchObject({ code: 0 });
  await ledger.send('sequencer', 0);
  await devnet.start('replica-2');
  await ledger.send('sequencer', 0);
  await expectInStep('replica-2');
  // It applied what came behind the snapshot and nothing else.
  const applied = await devnet.metric('replica-2', 'strobe_replica_transactions_total');
  expect(applied).toBeGreaterThan(0);
  expect(applied).toBeLessThanOrEqual(ledger.given.filter(({ receipt }) => Number(receipt.blockNumber) > snapshotBlock).length);
  await expect(rpc(url('replica-2'), 'eth_getBlockByNumber', ['0x1', false])).rejects.toThrow(String(HISTORY_PRUNED));
  expect(await rpc(url('replica-2'), 'strobe_equivocations')).toEqual([]);
});

test('it comes back from a kill, with what is new since', async () => {
  await devnet.process('replica-2').crash();
  await ledger.send('sequencer', 0);
  await devnet.start('replica-2');
  await ledger.send('sequencer', 0);
  await expectInStep('replica-2');
});

test.runIf(isFullRun)(
  'a sequencer that has nothing but the snapshot is refused without peers, and goes on from what a replica has',
  async () => {
    const before = await nodeInfo(url('sequencer'));
    await devnet.miniBlockReaches('replica-2', before.miniBlock);
    for (const name of ['sequencer', 'replica-2', 'prover-1']) await devnet.process(name).crash();
    await rm(devnet.dataDir('sequencer'), { recursive: true });
    expect(await importInto(devnet.dataDir('sequencer'))).toMatchObject({ code: 0 });

    const [alone] = devnet.launch('sequencer');
    expect(await defined(alone).exited).toMatchObject({ code: 1 });
    expect(defined(alone).output).toContain('TAIL_NOT_AVAILABLE');

    devnet.launch('replica-2');
    await devnet.start('sequencer', 'prover-1');
    await ledger.send('sequencer', 0);
    await expectInStep('replica-2');
    const { epoch, miniBlock } = await nodeInfo(url('sequencer'));
    expect(epoch).toBe(before.epoch + 1);
    expect(miniBlock).toBeGreaterThan(before.miniBlock);
    expect(await rpc(url('replica-2'), 'strobe_equivocations')).toEqual([]);
  },
);
