import { expect } from 'vitest';
import { defined } from '../support/defined.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { labTest } from '../support/lab-test.ts';

const BAN_TIMEOUT_MS = 90_000;
/** Mini-blocks that the replica may be behind while it is flooded: five seconds of them. */
const MAX_LAG = 500;

labTest(
  { replicas: 1, onlyInFullRuns: true },
  'a peer that floods with harmless messages and requests is banned, and the replica follows meanwhile',
  async (scene) => {
    const { devnet } = scene;
    const url = devnet.rpcUrl('replica-1');
    const peer = await scene.addHostile('flooder', 'flood', 'replica-1');
    const lags: number[] = [];
    const isBanned = async (): Promise<boolean> => {
      const { lag } = (await nodeInfo(url)) as unknown as { readonly lag: number };
      lags.push(lag);
      return ((await scene.standingOf('replica-1', peer.report.peerIds[0]))?.bannedForMs ?? 0) > 0;
    };
    await scene.loadWhile('replica-1', devnet.process('replica-1').until(isBanned, 'the flooder is banned', BAN_TIMEOUT_MS));
    expect(defined(peer.report.counts['gossip'])).toBeGreaterThan(1_000);
    expect(Math.max(...lags)).toBeLessThan(MAX_LAG);
    const floods = await Promise.all(
      ['GOSSIP_FLOOD', 'REQUEST_FLOOD'].map((code) => devnet.metric('replica-1', 'strobe_peer_offences_total', `code="${code}"`)),
    );
    expect(floods.reduce((sum, count) => sum + count, 0)).toBeGreaterThanOrEqual(5);
    await scene.expectSound();
  },
);
