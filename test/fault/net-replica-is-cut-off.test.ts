import { expect } from 'vitest';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { labTest } from '../support/lab-test.ts';
import { page } from '../support/node-process.ts';
import { waitFor } from '../support/wait-for.ts';

/** How long the cable is out: past the silence after which a replica says so, and in full past every timeout of libp2p. */
const CUT_MS = isFullRun ? 30_000 : 3_000;
/** TCP tries again at growing intervals, and a lost connection is dialled anew within a second. */
const HEAL_TIMEOUT_MS = CUT_MS + 10_000;

labTest(
  { replicas: 1 },
  `a replica that is cut off for ${CUT_MS / 1_000} s says so, serves what it has, and catches up`,
  async (scene) => {
    const { devnet, ledger, network } = scene;
    const url = devnet.rpcUrl('replica-1');
    const machine = network.machine('replica-1');
    machine.setCable(false);
    const cutAt = performance.now();
    const isOver = (): boolean => performance.now() - cutAt > CUT_MS;
    const load = scene.load('sequencer', 1, isOver);
    await devnet.process('replica-1').until(async () => !(await nodeInfo(url)).isReady, 'it is not ready');
    const { miniBlock, reason } = await nodeInfo(url);
    expect(reason).toBe('STALLED: the sequencer is silent');
    expect(await page(`${devnet.metricsUrl('replica-1')}/ready`)).toMatchObject({ status: 503 });
    await waitFor(isOver, { timeoutMs: CUT_MS + 1_000, pollMs: 50 });
    expect((await nodeInfo(url)).miniBlock).toBe(miniBlock);
    expect(ledger.given.length).toBeGreaterThan(1);
    await load;

    machine.setCable(true);
    await devnet.process('replica-1').until(async () => (await nodeInfo(url)).isReady, 'ready again', HEAL_TIMEOUT_MS);
    await scene.expectSound();
    expect((await scene.peersOf('replica-1')).map(({ offences }) => offences)).toEqual([0]);
  },
);
