import { expect } from 'vitest';
import { nodeInfo } from '../support/json-rpc.ts';
import { labTest } from '../support/lab-test.ts';

const RECEIPTS_BEFORE = 30;

labTest(
  { replicas: 2, onlyInFullRuns: true },
  'the sequencer stops, is killed, and comes back each time: replicas wait, and follow without being restarted',
  async (scene) => {
    const { devnet, ledger, replicas } = scene;
    const pids = replicas.map((name) => devnet.process(name).pid);
    for (const end of ['SIGTERM', 'SIGKILL'] as const) {
      const enough = ledger.given.length + RECEIPTS_BEFORE;
      let isDown = false;
      const senders = ['sequencer', 'replica-1'].map((name, account) =>
        scene.load(name, 1 + account, () => isDown && ledger.given.length >= enough),
      );
      await devnet.process('sequencer').until(() => ledger.given.length >= enough, 'load', 60_000);
      await devnet.process('sequencer').stop(end);
      isDown = true;
      await Promise.all(senders);
      for (const name of replicas) {
        const url = devnet.rpcUrl(name);
        const isStalled = async (): Promise<boolean> => (await nodeInfo(url)).reason === 'STALLED: the sequencer is silent';
        await devnet.process(name).until(isStalled, 'it says that the sequencer is silent');
        await ledger.expectAllAt(name);
      }
      await devnet.start('sequencer');
      await ledger.expectAllAt('sequencer');
    }
    await scene.expectSound();
    expect(replicas.map((name) => devnet.process(name).pid)).toEqual(pids);
  },
);
