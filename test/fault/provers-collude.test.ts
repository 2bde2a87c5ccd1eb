import { expect, test } from 'vitest';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { type Hex, toHex } from '../../src/util/bytes.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import {
  attestationOf,
  evidenceOf,
  publishBlock,
  replicaAtBlock1,
  restarted,
  setSignerScene,
  transfer,
} from '../support/signer-scene.ts';
import { testAccount } from '../support/test-accounts.ts';

const THRESHOLD = 3;
const PROVERS = 4;
const COLLUDERS = ['prover 0', 'prover 1'] as const;
/** Re-executes what it is given, in a process of its own. */
const HONEST = 'prover 3';
const THIEF = testAccount('thief').address;

interface StatusJson {
  readonly rootVerified: boolean;
  readonly attestedBy: readonly Hex[];
  readonly tag: string;
}

test.runIf(isFullRun)(
  'a sequencer steals, and one prover less than are needed swears to it: that block is never safe',
  async () => {
    const scene = await setSignerScene({ threshold: THRESHOLD, provers: PROVERS });
    const { chain, sequencer, roles } = scene;
    const replica = await replicaAtBlock1(scene, THRESHOLD);
    await roles.prover('honest', [sequencer.address], testAccount(HONEST));
    await chain.miniBlock([transfer(chain)], (world) =>
      world.setAccount(THIEF, { nonce: 0n, balance: 10n ** 21n, codeHash: EMPTY_CODE_HASH }),
    );
    const theft = await chain.seal();
    publishBlock(sequencer, theft);
    const later = await chain.block([transfer(chain)]);
    publishBlock(sequencer, later);
    for (const block of [theft, later]) {
      for (const prover of COLLUDERS) sequencer.gossipAttestation(attestationOf(scene, block, prover));
    }

    const statusOf = (block: Hex) => rpc<StatusJson>(replica.rpcUrl, 'strobe_blockStatus', [block]);
    const isWeighed = async (): Promise<boolean> => {
      const { rootVerified, attestedBy } = await statusOf('0x2');
      return rootVerified && attestedBy.length === COLLUDERS.length;
    };
    await replica.process.until(isWeighed, 'the theft is proven to fit its root, and sworn to');
    const excluded = async () => (await nodeInfo(replica.rpcUrl)).excludedProvers ?? [];
    await replica.process.until(async () => (await excluded()).length === 1, 'the honest prover contradicts');
    // Nobody can tell who lies: the one voice does not count, two are too few, and safe waits.
    expect(await excluded()).toEqual([toHex(testAccount(HONEST).address)]);
    expect(await nodeInfo(replica.rpcUrl)).toMatchObject({ state: 'live', safe: '0x1' });
    expect(await statusOf('0x2')).toMatchObject({ tag: 'latest' });
    expect(await statusOf('0x3')).toMatchObject({ tag: 'latest' });
    expect((await evidenceOf(replica)).map(({ rule }) => rule)).toEqual(['PROVER_DISAGREES']);
    const again = await restarted(scene, replica);
    expect(await nodeInfo(again.rpcUrl)).toMatchObject({ safe: '0x1', excludedProvers: [toHex(testAccount(HONEST).address)] });
  },
);
