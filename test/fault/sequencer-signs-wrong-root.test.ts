import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { blockSealDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { toHex } from '../../src/util/bytes.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { runCommand } from '../support/run-command.ts';
import {
  evidenceOf,
  expectHaltedAtBlock1,
  replicaAtBlock1,
  restarted,
  setSignerScene,
  transfer,
} from '../support/signer-scene.ts';
import { testAccount } from '../support/test-accounts.ts';

const FALSE_ROOT = new Uint8Array(32).fill(0xee);

test.runIf(isFullRun)(
  'an honest block under a seal with a false state root: the replica halts, and a prover contradicts',
  async () => {
    const scene = await setSignerScene({ threshold: 1 });
    const { chain, sequencer, roles } = scene;
    const replica = await replicaAtBlock1(scene, 1);
    const prover = await roles.prover('prover', [sequencer.address], testAccount('prover 1'));
    const { miniBlocks, seal, witness } = await chain.block([transfer(chain)]);
    for (const miniBlock of miniBlocks) sequencer.publish({ kind: 'miniBlock', miniBlock });
    const unsigned = { ...seal, header: { ...seal.header, stateRoot: FALSE_ROOT } };
    sequencer.serveWitness(2, witness);
    const blockSeal = withSignature(unsigned, blockSealDigest(unsigned), chain.sequencer);
    const lie = sequencer.publish({ kind: 'blockSeal', blockSeal });

    await expectHaltedAtBlock1(replica, 'WRONG_STATE_ROOT');
    const evidence = await replica.process.until(async () => {
      const [first] = await evidenceOf(replica);
      return first?.witness === undefined ? undefined : first;
    }, 'the evidence is complete');
    expect(evidence).toMatchObject({ rule: 'WRONG_STATE_ROOT', messages: [toHex(lie)] });
    const file = roles.file('evidence.json');
    await writeFile(file, JSON.stringify(evidence));
    expect(await runCommand('verify-evidence', file, '--genesis', roles.genesisFile)).toMatchObject({
      code: 0,
      out: expect.stringContaining('WRONG_STATE_ROOT  PROVEN'),
    });
    const wordOnBlock2 = () => sequencer.attestations.find(({ blockNumber }) => blockNumber === 2);
    await prover.process.until(wordOnBlock2, 'the prover has judged block 2');
    expect(wordOnBlock2()).toMatchObject({ success: false });
    await expectHaltedAtBlock1(await restarted(scene, replica), 'WRONG_STATE_ROOT');
  },
);
