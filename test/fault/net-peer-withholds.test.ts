import { expect } from 'vitest';
import { defined } from '../support/defined.ts';
import { labTest } from '../support/lab-test.ts';

const ASKED_TIMEOUT_MS = 60_000;
/** An unanswered request is given up after five seconds, and the next peer is asked. */
const READY_TIMEOUT_MS = 30_000;
const RESTARTS = 2;

labTest(
  { replicas: 1, onlyInFullRuns: true },
  'peers that announce a head and never send what leads there are asked last, and hold nobody up for long',
  async (scene) => {
    const { devnet } = scene;
    const peers = [await scene.addHostile('withholder-1', 'withhold'), await scene.addHostile('withholder-2', 'withhold')];
    for (let restart = 0; restart < RESTARTS; restart++) {
      const asked = peers.map(({ report }) => report.counts['range withheld'] ?? 0);
      await scene.restartBehind('replica-1', ...peers);
      const isAskedAgain = ({ counts }: (typeof peers)[number]['report'], index: number): boolean =>
        (counts['range withheld'] ?? 0) > defined(asked[index]);
      await Promise.any(peers.map((peer, i) => peer.until((report) => isAskedAgain(report, i), 'it is asked', ASKED_TIMEOUT_MS)));
      await devnet.ready('replica-1', READY_TIMEOUT_MS);
    }
    const standingsOf = () => Promise.all(peers.map(({ report }) => scene.standingOf('replica-1', report.peerIds[0])));
    // It may have asked somebody else first this time, and then comes to ask them.
    await devnet
      .process('replica-1')
      .until(
        async () => (await standingsOf()).some((standing) => (standing?.failures ?? 0) > 0),
        'one that never answered is noted',
        ASKED_TIMEOUT_MS,
      );
    const standings = await standingsOf();
    // Silence is no breach of the rules: an honest peer's link may be cut.
    expect(standings.map((standing) => standing?.offences)).toEqual([0, 0]);
    expect(await devnet.metric('replica-1', 'strobe_peer_failures_total', 'code="STREAM_TIMEOUT"')).toBeGreaterThan(0);
    await scene.expectSound();
  },
);
