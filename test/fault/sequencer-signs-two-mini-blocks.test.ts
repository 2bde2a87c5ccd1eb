import { expect, test } from 'vitest';
import { encodeSequencerMessage, type SequencerMessage } from '../../src/protocol/log-record.ts';
import { type MiniBlock, signMiniBlock } from '../../src/protocol/mini-block.ts';
import { type BlockSeal, blockSealDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import type { Signer } from '../../src/protocol/signing.ts';
import { toHex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import type { ExecutedBlock } from '../support/executed-chain.ts';
import { sampled } from '../support/fault-seed.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import {
  evidenceOf,
  expectHaltedAtBlock1,
  publishBlock,
  replicaAtBlock1,
  restarted,
  setSignerScene,
  transfer,
} from '../support/signer-scene.ts';

type Record = Exclude<SequencerMessage, { readonly kind: 'heartbeat' }>;

/** The same position, signed once more over something else. */
function secondMiniBlock({ envelope, diffPayload, bodyPayload }: MiniBlock, signer: Signer): Record {
  const signed = signMiniBlock({ ...envelope, timestampUs: envelope.timestampUs + 1 }, signer);
  return { kind: 'miniBlock', miniBlock: { ...signed, diffPayload, bodyPayload } };
}

function secondSeal(seal: BlockSeal, signer: Signer): Record {
  const unsigned = { ...seal, registryDigest: new Uint8Array(32).fill(0xee) };
  return { kind: 'blockSeal', blockSeal: withSignature(unsigned, blockSealDigest(unsigned), signer) };
}

const PAIRS: readonly {
  readonly what: string;
  readonly first: (block: ExecutedBlock) => Record;
  readonly second: (block: ExecutedBlock, signer: Signer) => Record;
}[] = [
  {
    what: 'two mini-blocks of one number',
    first: ({ miniBlocks }) => ({ kind: 'miniBlock', miniBlock: defined(miniBlocks[0]) }),
    second: ({ miniBlocks }, signer) => secondMiniBlock(defined(miniBlocks[0]), signer),
  },
  {
    what: 'two seals of one block',
    first: ({ seal }) => ({ kind: 'blockSeal', blockSeal: seal }),
    second: ({ seal }, signer) => secondSeal(seal, signer),
  },
];

test.each(sampled(PAIRS))('a sequencer that signs $what: the replica halts with both as proof', async ({ first, second }) => {
  const scene = await setSignerScene({ threshold: 1 });
  const { chain, sequencer } = scene;
  const replica = await replicaAtBlock1(scene, 1);
  const block = await chain.block([transfer(chain)]);
  publishBlock(sequencer, block);
  await replica.process.until(async () => Number((await nodeInfo(replica.rpcUrl)).head.number) === 2, 'block 2 is sealed');
  const twin = sequencer.publish(second(block, chain.sequencer));

  await expectHaltedAtBlock1(replica, 'EQUIVOCATION');
  const pair = { first: toHex(encodeSequencerMessage(first(block))), second: toHex(twin) };
  expect(await evidenceOf(replica)).toMatchObject([{ rule: 'EQUIVOCATION', messages: [pair.first, pair.second] }]);
  expect(await rpc(replica.rpcUrl, 'strobe_equivocations')).toEqual([pair]);
  const again = await restarted(scene, replica);
  await expectHaltedAtBlock1(again, 'EQUIVOCATION');
  expect(await rpc(again.rpcUrl, 'strobe_equivocations')).toEqual([pair]);
});
