import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { expectSameChain } from '../support/chain-agreement.ts';
import { defined } from '../support/defined.ts';
import { isFullRun, sampled } from '../support/fault-seed.ts';
import { freePorts } from '../support/free-ports.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { expectContiguous } from '../support/mini-block-chain.ts';
import { NodeProcess, page } from '../support/node-process.ts';
import { ReceiptLedger } from '../support/receipt-ledger.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const ROLES = ['sequencer', 'replica-1'] as const;
type Role = (typeof ROLES)[number];
/** JSON-RPC, metrics, peers. */
const PORTS = 3;
const SENDERS = 3;
/** Receipts given while the second process tries. */
const RECEIPTS_MEANWHILE = 20;

let devnet: TestDevnet;
let ledger: ReceiptLedger;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  ledger = new ReceiptLedger(devnet);
  await devnet.startAll();
  await ledger.send('sequencer', 0);
});

afterAll(() => devnet[Symbol.asyncDispose]());

/** A second process with the settings of `name`, its data directory among them, and ports of its own. */
async function launchSecond(name: Role): Promise<{ readonly process: NodeProcess; readonly isReady: () => Promise<boolean> }> {
  const { role, config, p2pPort } = defined(devnet.plan.find((planned) => planned.name === name));
  const port = await freePorts(PORTS);
  const bootstrap = [`/ip4/127.0.0.1/tcp/${role === 'sequencer' ? p2pPort : defined(devnet.plan[0]).p2pPort}`];
  const ports = { rpc: { port }, metrics: { port: port + 1 }, p2p: { port: port + 2, bootstrap } };
  const configFile = join(devnet.paths.root, `second-${name}-${port}.json`);
  await writeFile(configFile, JSON.stringify({ ...config, ...ports }));
  const process = new NodeProcess(`second ${name}`, [role, '--config', configFile], { supervised: true });
  onTestFinished(() => process.crash());
  const isReady = async (): Promise<boolean> => (await page(`http://127.0.0.1:${port + 1}/ready`))?.status === 200;
  return { process, isReady };
}

async function expectLocked(second: NodeProcess, name: Role): Promise<void> {
  await second.until(() => second.hasExited, 'it gives up');
  expect(await second.exited).toEqual({ code: 1, signal: null });
  expect(second.output).toMatch(/"level":"fatal".*"code":"LOCKED"/);
  expect(second.output).toContain(`${devnet.dataDir(name)}/log`);
  expect(second.output).toMatch(/in use: another node runs on this data directory/);
}

/** All that was acknowledged is on both nodes, and both go on. */
async function expectUndisturbed(): Promise<void> {
  await ledger.send('sequencer', 0);
  const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
  await devnet.miniBlockReaches('replica-1', miniBlock);
  for (const name of ROLES) {
    await ledger.expectAllAt(name);
    await expectContiguous(devnet.rpcUrl(name), miniBlock);
    await devnet.safeReaches(name, ledger.lastBlock);
  }
  await expectSameChain(
    ROLES.map((name) => devnet.rpcUrl(name)),
    { from: 0, to: ledger.lastBlock },
  );
  expect(await nodeInfo(devnet.rpcUrl('replica-1'))).toMatchObject({ state: 'live', isReady: true });
  expect(await rpc(devnet.rpcUrl('replica-1'), 'strobe_equivocations')).toEqual([]);
}

test.each(sampled(ROLES))(
  'a second %s on the directory of one under load: refused as locked, and the first goes on',
  async (name) => {
    const target = ledger.given.length + RECEIPTS_MEANWHILE;
    const { process: second } = await launchSecond(name);
    const senders = Array.from({ length: SENDERS }, async (_, account) => {
      while (ledger.given.length < target || !second.hasExited) await ledger.send(name, account);
    });
    await expectLocked(second, name);
    await Promise.all(senders);
    await expectUndisturbed();
  },
);

test.each(sampled(ROLES))('the lock of a %s that was killed is gone, and what it held is whole', async (name) => {
  const { process: refused } = await launchSecond(name);
  await expectLocked(refused, name);
  await devnet.process(name).crash();
  await devnet.start(name);
  await expectUndisturbed();
});

test.runIf(isFullRun)(
  'two sequencers that start at the same moment: one holds the directory, the other one is refused',
  async () => {
    expect(await devnet.process('sequencer').stop()).toEqual({ code: 0, signal: null });
    const { process: second, isReady } = await launchSecond('sequencer');
    const [first] = devnet.launch('sequencer');
    const both = [defined(first), second];
    await second.until(() => both.some((process) => process.hasExited) || isReady(), 'one gives up');
    const loser = defined(both.find((process) => process.hasExited));
    await expectLocked(loser, 'sequencer');
    // The devnet knows where its own one answers.
    if (loser === first) {
      await second.until(isReady, 'the other one is ready');
      expect(await second.stop()).toEqual({ code: 0, signal: null });
      await devnet.start('sequencer');
    } else {
      await devnet.ready('sequencer');
    }
    await expectUndisturbed();
  },
);
