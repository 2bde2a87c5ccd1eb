import { setTimeout as delay } from 'node:timers/promises';
import { FAULT_SEED, faultRandom, isFullRun } from '../support/fault-seed.ts';
import { nodeInfo } from '../support/json-rpc.ts';
import { labTest } from '../support/lab-test.ts';

const KILLS = isFullRun ? 20 : 2;
/** From its launch: while it reads its disk, while it catches up, while it follows. */
const MAX_LIFE_MS = 2_500;

labTest(
  { replicas: 1 },
  `a replica that is killed ${KILLS} times under load, at any point of its life, ends where the others are (seed ${FAULT_SEED})`,
  async (scene) => {
    const { devnet } = scene;
    const random = faultRandom();
    const killAgainAndAgain = async (): Promise<void> => {
      for (let kill = 0; kill < KILLS; kill++) {
        await delay(random.below(MAX_LIFE_MS));
        await devnet.process('replica-1').crash();
        devnet.launch('replica-1');
      }
      await devnet.ready('replica-1');
    };
    await scene.loadWhile('sequencer', killAgainAndAgain());
    const { miniBlock } = await nodeInfo(devnet.rpcUrl('sequencer'));
    await devnet.miniBlockReaches('replica-1', miniBlock);
    await scene.expectSound();
  },
);
