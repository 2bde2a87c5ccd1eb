import { expect } from 'vitest';
import { defined } from '../support/defined.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import type { LabScene } from '../support/lab-scene.ts';
import { labTest } from '../support/lab-test.ts';
import type { LabMachine } from '../support/net-lab.ts';

/** Each way. */
const LATENCY_MS = 200;
/** A tenth of what a mini-block with a large payload would like. */
const BYTES_PER_SECOND = 256 * 1024;
const RELAY_PORT = 9100;
const RECEIPTS = 20;
const CUTS = 3;

let router: LabMachine;

/** Has the replica reach the sequencer only through a relay. */
async function putRelayBetween({ network, devnet }: LabScene): Promise<void> {
  router = network.lab.addMachine('router');
  const { p2pPort } = defined(devnet.plan.find(({ name }) => name === 'sequencer'));
  const target = { host: network.machine('sequencer').address, port: p2pPort };
  await router.relay({ port: RELAY_PORT, target, delayMs: LATENCY_MS, bytesPerSecond: BYTES_PER_SECOND });
  await changeConfig(devnet, 'replica-1', { p2p: { bootstrap: [`/ip4/${router.address}/tcp/${RELAY_PORT}`] } });
}

labTest(
  { replicas: 1, onlyInFullRuns: true, prepare: putRelayBetween },
  `a replica behind a link with ${LATENCY_MS} ms each way that breaks again and again follows, late by that much`,
  async (scene) => {
    const { devnet, ledger } = scene;
    // Two ways there and one back: the transaction, and the receipt with the next mini-block.
    const sentAt = performance.now();
    await ledger.send('replica-1', 1);
    expect(performance.now() - sentAt).toBeGreaterThan(2 * LATENCY_MS);
    for (let cut = 0; cut < CUTS; cut++) {
      const enough = ledger.given.length + RECEIPTS;
      await scene.load('sequencer', 2, () => ledger.given.length >= enough);
      await router.cut(RELAY_PORT);
      const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
      await devnet.miniBlockReaches('replica-1', miniBlock);
    }
    const late = await devnet.metric('replica-1', 'strobe_replica_apply_latency_seconds_sum');
    const applied = await devnet.metric('replica-1', 'strobe_replica_apply_latency_seconds_count');
    expect(late / applied).toBeGreaterThan(LATENCY_MS / 1_000);
    await scene.expectSound();
    expect((await scene.peersOf('replica-1')).map(({ offences }) => offences)).toEqual([0]);
  },
);
