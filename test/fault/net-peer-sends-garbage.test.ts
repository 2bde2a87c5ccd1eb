import { expect } from 'vitest';
import { defined } from '../support/defined.ts';
import type { HostileReport } from '../support/hostile-peer.ts';
import type { LabScene } from '../support/lab-scene.ts';
import { labTest } from '../support/lab-test.ts';

const ATTACK_TIMEOUT_MS = 60_000;
/** Names that the peer takes one after the other, and connections refused before it takes the next. */
const NAMES = 3;
const REFUSALS_PER_NAME = 5;

labTest(
  { replicas: 1, onlyInFullRuns: true },
  'a peer that sends garbage is banned under each of its names, and in vain',
  async (scene) => {
    await sendGarbage(scene);
    await answerWithGarbage(scene);
    await scene.expectSound();
  },
);

/** By gossip and as requests. */
async function sendGarbage(scene: LabScene): Promise<void> {
  const { devnet } = scene;
  const peer = await scene.addHostile('gossiper', 'garbage', 'replica-1');
  const isOutlawed = ({ counts }: HostileReport): boolean =>
    counts['cut off'] === NAMES && (counts['refused'] ?? 0) > (NAMES - 1) * REFUSALS_PER_NAME;
  await scene.loadWhile('replica-1', peer.until(isOutlawed, 'all its names are banned', ATTACK_TIMEOUT_MS));
  for (const name of peer.report.peerIds) {
    expect(await scene.standingOf('replica-1', name)).toMatchObject({ direction: null, score: -100 });
  }
  expect((await scene.peersOf('replica-1')).filter(({ score }) => score === 0)).toHaveLength(1);
  expect(await devnet.metric('replica-1', 'strobe_peer_bans_total')).toBe(NAMES);
  expect(await devnet.metric('replica-1', 'strobe_replica_gossip_verdicts_total', 'reason="UNKNOWN_SIGNER"')).toBeGreaterThan(0);
}

/** The replica has missed something and asks this peer first. */
async function answerWithGarbage(scene: LabScene): Promise<void> {
  const { devnet } = scene;
  const peer = await scene.addHostile('server', 'garbage');
  await scene.restartBehind('replica-1', peer);
  await peer.until(({ counts }) => (counts['range garbled'] ?? 0) > 0, 'it was asked', ATTACK_TIMEOUT_MS);
  await devnet.ready('replica-1');
  const standing = defined(await scene.standingOf('replica-1', peer.report.peerIds[0]));
  expect(standing.score).toBeLessThan(0);
  expect(standing.offences).toBeGreaterThan(0);
}
