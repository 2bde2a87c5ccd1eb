import { afterAll, beforeAll, expect, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { FAULT_SEED, faultRandom } from '../support/fault-seed.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { killAtWrite, killPoints } from '../support/kill-at-write.ts';
import { expectContiguous } from '../support/mini-block-chain.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

/** One in every run; `STROBE_FAULT_KILLS=50` looks longer. */
const KILLS = Number(process.env['STROBE_FAULT_KILLS'] ?? 1);
/** Test time that a kill with its restart may take, ms. */
const KILL_TIMEOUT_MS = 90_000;
const SENDERS = 3;
const NODES = ['sequencer', 'replica-1'] as const;

let devnet: TestDevnet;
let ledger: ReceiptLedger;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  ledger = new ReceiptLedger(devnet);
  await changeConfig(devnet, 'replica-1', { storage: { snapshotBlocks: 1 } });
  await devnet.startAll();
});

afterAll(() => devnet[Symbol.asyncDispose]());

const url = (name: string): string => devnet.rpcUrl(name);

test.each(killPoints(KILLS, faultRandom()))(
  `kill $kill, at write $count in $kind: the replica comes back to the sequencer's chain (seed ${FAULT_SEED})`,
  { timeout: KILL_TIMEOUT_MS },
  async (point) => {
    const replica = devnet.process('replica-1');
    const load = { isEnough: () => replica.hasExited };
    await killAtWrite(devnet, 'replica-1', point, () =>
      Promise.all(Array.from({ length: SENDERS }, (_, account) => ledger.sendUntilFailure('sequencer', account, load))),
    );
    // What it misses while it is away comes from the sequencer, and the rest from its own disk.
    await ledger.send('sequencer', 0);
    await devnet.start('replica-1');
    const { miniBlock } = await nodeInfo(url('sequencer'));
    await devnet.miniBlockReaches('replica-1', miniBlock);
    await ledger.expectAllAt('replica-1');
    expect(await nodeInfo(url('replica-1'))).toMatchObject({ state: 'live', isReady: true });
    const digests = (await expectContiguous(url('sequencer'), miniBlock)).map(({ digest }) => digest);
    expect((await expectContiguous(url('replica-1'), miniBlock)).map(({ digest }) => digest)).toEqual(digests);
  },
);

test('both nodes have one chain, which is safe, and the replica saw no wrong-doing', async () => {
  for (const name of NODES) await devnet.safeReaches(name, ledger.lastBlock);
  await expectSameChain(NODES.map(url), { from: 0, to: ledger.lastBlock });
  await ledger.expectAllAt('sequencer');
  expect(await rpc(url('replica-1'), 'strobe_equivocations')).toEqual([]);
});
