import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { fromHex, type Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import { provenBy } from '../support/proven-state.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

/** Many segments of the log, and a snapshot with each block, so that the beginning of the chain is soon gone. */
const SHORT_LOG = { snapshotBlocks: 1, logSegmentBytes: 4_096, logRetainBytes: 0 };
const HISTORY_PRUNED = 4444;

let devnet: TestDevnet;
let ledger: ReceiptLedger;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 3 });
  ledger = new ReceiptLedger(devnet);
  for (const name of ['sequencer', 'replica-1']) await changeConfig(devnet, name, { storage: SHORT_LOG });
  await devnet.start('sequencer', 'replica-1', 'prover-1');
  await devnet.process('sequencer').until(async () => {
    await ledger.send('sequencer', 0);
    return (await devnet.metric('sequencer', 'strobe_log_first_number')) > 1;
  }, 'the beginning of the log is pruned');
});

afterAll(() => devnet[Symbol.asyncDispose]());

const url = (name: string): string => devnet.rpcUrl(name);

/** The node has what is safe at the sequencer now, and the same state. */
async function expectInStep(name: string, from: number): Promise<void> {
  await ledger.send('sequencer', 0);
  for (const node of ['sequencer', name]) await devnet.safeReaches(node, ledger.lastBlock);
  await expectSameChain([url('sequencer'), url(name)], { from, to: ledger.lastBlock });
  for (const { recipient } of ledger.given) {
    expect(BigInt(await rpc<Hex>(url(name), 'eth_getBalance', [recipient, 'latest']))).toBe(1n);
  }
}

/** The node's own trie, too, has what is safe. */
async function expectProven(name: string): Promise<void> {
  const block = await rpc<{ number: Hex; stateRoot: Hex }>(url(name), 'eth_getBlockByNumber', ['safe', false]);
  const { recipient } = defined(ledger.given.at(-1));
  const proof = await rpc<{ balance: Hex; accountProof: Hex[] }>(url(name), 'eth_getProof', [recipient, [], block.number]);
  expect(BigInt(proof.balance)).toBe(1n);
  const leaf = await provenBy(fromHex(block.stateRoot), fromHex(recipient), proof.accountProof.map(fromHex));
  expect(leaf).not.toBeNull();
}

test('a late replica takes an attested snapshot from its peers; one that may not says why it cannot follow', async () => {
  await changeConfig(devnet, 'replica-2', { sync: { snapshotGapBlocks: 1 }, proofs: { trie: true } });
  await devnet.bootstrapFrom('replica-2', 'sequencer', 'replica-1');
  await changeConfig(devnet, 'replica-3', { sync: { mode: 'full' } });
  devnet.launch('replica-2', 'replica-3');

  const stuck = await devnet.process('replica-3').until(async () => {
    const body = (await page(`${devnet.metricsUrl('replica-3')}/ready`))?.body ?? '';
    return body.includes('NO_WAY_TO_SYNC') && body;
  }, 'it says why');
  expect(stuck).toMatch(/the logs of its peers begin at [1-9].*sync\.mode is full/);
  const reason = expect.stringContaining('NO_WAY_TO_SYNC');
  await devnet.process('replica-3').until(() => nodeInfo(url('replica-3')).catch(() => undefined), 'JSON-RPC is up');
  expect(await nodeInfo(url('replica-3'))).toMatchObject({
    state: 'bootstrapping',
    isReady: false,
    reason,
    head: { number: '0x0' },
  });

  await devnet.ready('replica-2');
  const { lastSnapshotSync: taken } = (await nodeInfo(url('replica-2'))) as unknown as {
    lastSnapshotSync: { readonly block: number; readonly chunks: number };
  };
  expect(taken).toMatchObject({ refusedChunks: 0, seconds: { check: expect.any(Number), switch: expect.any(Number) } });
  expect(taken.block).toBeGreaterThan(1);
  expect(taken.chunks).toBeGreaterThan(0);
  expect(await devnet.metric('replica-2', 'strobe_snapshot_sync_chunks_total')).toBe(taken.chunks);
  await expectInStep('replica-2', taken.block + 1);
  await expectProven('replica-2');
  await expect(rpc(url('replica-2'), 'eth_getBlockByNumber', ['0x1', false])).rejects.toThrow(String(HISTORY_PRUNED));
  expect(await readdir(devnet.dataDir('replica-2'))).not.toContain('snapshot-sync');
  expect(await readdir(join(devnet.dataDir('replica-2'), 'snapshots'))).not.toHaveLength(0);
});

test('it serves snapshot, blocks and witnesses to the next one, which knows no other peer', async () => {
  await devnet.process('replica-3').crash();
  await changeConfig(devnet, 'replica-3', { sync: { mode: 'snapshot' } });
  await devnet.bootstrapFrom('replica-3', 'replica-2');
  await devnet.start('replica-3');
  await expectInStep('replica-3', ledger.lastBlock);
});
