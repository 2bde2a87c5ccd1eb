import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { expectSameChain } from '../support/chain-agreement.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { FAULT_SEED, faultRandom } from '../support/fault-seed.ts';
import { type NodeInfoJson, nodeInfo, rpc } from '../support/json-rpc.ts';
import { killAtWrite, killPoints } from '../support/kill-at-write.ts';
import { expectContiguous, miniBlocksOf } from '../support/mini-block-chain.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

/** One in every run; `STROBE_FAULT_KILLS=50` looks longer. */
const KILLS = Number(process.env['STROBE_FAULT_KILLS'] ?? 1);
/** Test time that a kill with its restart may take, ms. */
const KILL_TIMEOUT_MS = 90_000;
/** Where clients send: most to the sequencer itself, one through the replica. */
const SENDERS = ['sequencer', 'sequencer', 'replica-1', 'sequencer'] as const;
const NODES = ['sequencer', 'replica-1'] as const;

let devnet: TestDevnet;
let ledger: ReceiptLedger;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  ledger = new ReceiptLedger(devnet);
  // A restart begins with a snapshot then, and kills find one being written.
  await changeConfig(devnet, 'sequencer', { storage: { snapshotBlocks: 1 } });
  await devnet.start('sequencer');
  await devnet.start('replica-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

const url = (name: string): string => devnet.rpcUrl(name);

/** The newest mini-block that the replica has, and its digest: it was told of it, so it may not be lost. */
async function told(): Promise<{ readonly number: number; readonly digest: Hex | undefined }> {
  const { miniBlock, miniBlockDigest } = await rpc<NodeInfoJson & { miniBlockDigest: Hex }>(url('replica-1'), 'strobe_nodeInfo');
  return { number: miniBlock, digest: miniBlock === 0 ? undefined : miniBlockDigest };
}

test.each(killPoints(KILLS, faultRandom()))(
  `kill $kill, at write $count in $kind: nothing acknowledged is lost (seed ${FAULT_SEED})`,
  { timeout: KILL_TIMEOUT_MS },
  async (point) => {
    await killAtWrite(devnet, 'sequencer', point, () =>
      Promise.all(SENDERS.map((name, account) => ledger.sendUntilFailure(name, account))),
    );
    const before = await told();
    await devnet.start('sequencer');
    await ledger.expectAllAt('sequencer');
    const restarted = await nodeInfo(url('sequencer'));
    expect(restarted.miniBlock).toBeGreaterThanOrEqual(before.number);
    if (before.digest !== undefined) {
      const [miniBlock] = await miniBlocksOf(url('sequencer'), before.number, before.number);
      expect(miniBlock?.digest).toBe(before.digest);
    }
    // Numbering goes on, and the replica follows as the process it is.
    await ledger.send('sequencer', 0);
    const { miniBlock } = await nodeInfo(url('sequencer'));
    expect(miniBlock).toBeGreaterThan(restarted.miniBlock);
    await devnet.miniBlockReaches('replica-1', miniBlock);
    await ledger.expectAllAt('replica-1');
    expect(await nodeInfo(url('replica-1'))).toMatchObject({ state: 'live', isReady: true });
  },
);

test('both nodes have one chain without a gap, and the replica saw no wrong-doing', async () => {
  expect(devnet.process('replica-1').hasExited).toBe(false);
  expect(await rpc(url('replica-1'), 'strobe_equivocations')).toEqual([]);
  const sealed = ledger.lastBlock;
  for (const name of NODES) {
    await devnet.process(name).until(async () => Number((await nodeInfo(url(name))).head.number) >= sealed, 'all is sealed');
  }
  await expectSameChain(NODES.map(url), { from: 0, to: sealed });
  const { miniBlock } = await nodeInfo(url('replica-1'));
  const digests = (await expectContiguous(url('sequencer'), miniBlock)).map(({ digest }) => digest);
  expect((await expectContiguous(url('replica-1'), miniBlock)).map(({ digest }) => digest)).toEqual(digests);
});

test('a prover that had nothing proves every block up to the newest receipt', async () => {
  await devnet.start('prover-1');
  await devnet.safeReaches('replica-1', ledger.lastBlock);
});
