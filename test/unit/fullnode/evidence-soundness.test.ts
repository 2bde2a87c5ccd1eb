import { beforeAll, expect, test } from 'vitest';
import type { Evidence } from '../../../src/fullnode/evidence/evidence.ts';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { encodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import { createStateDiff, decodeStateDiff, encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { type Bytes, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { defined } from '../../support/defined.ts';
import { judge } from '../../support/judge-evidence.ts';
import { type FixtureBlock, ReplicaFixture } from '../../support/replica-fixture.ts';
import { testSigner } from '../../support/test-accounts.ts';

const SOME_HASH = new Uint8Array(32).fill(9);

let chain: ReplicaFixture;
let first: FixtureBlock;
let second: FixtureBlock;
/** Net diffs of the two blocks. */
let netDiffs: readonly Bytes[];

beforeAll(() => {
  chain = new ReplicaFixture();
  first = chain.block(1);
  second = chain.block(1);
  // Blocks of one mini-block each: its diff is the block's.
  netDiffs = chain.builder.blocks.map(({ miniBlocks }) => encodeStateDiff(defined(miniBlocks[0]).diff));
});

interface Parts {
  readonly messages?: readonly Bytes[];
  readonly context?: readonly Bytes[];
  readonly witness?: Bytes;
  readonly netDiff?: Bytes;
}

function evidenceOf(rule: string, { messages = [], context = [], witness, netDiff }: Parts): Evidence {
  return {
    ...{ rule, message: 'made up', atUs: 1, messages: messages.map(toHex), context: context.map(toHex) },
    ...(witness === undefined ? {} : { witness: toHex(witness) }),
    ...(netDiff === undefined ? {} : { netDiff: toHex(netDiff) }),
  };
}

async function expectNothing(rule: string, parts: Parts, why: string): Promise<void> {
  expect(await judge(evidenceOf(rule, parts), chain)).toEqual({ isProven: false, statement: expect.stringContaining(why) });
}

const bytesOf = (number: number): Bytes => defined(chain.miniBlocks[number - 1]);

test('nothing is an equivocation that does not sign two digests of one position with one key', async () => {
  const [one, two] = [bytesOf(1), bytesOf(2)];
  await expectNothing('EQUIVOCATION', { messages: [one, one] }, 'the same digest');
  await expectNothing('EQUIVOCATION', { messages: [one, two] }, 'not of one position');
  await expectNothing('EQUIVOCATION', { messages: [one] }, 'two signed messages');
  const miniBlock = defined(chain.builder.blocks[0]?.miniBlocks[0]).miniBlock;
  const forged = chain.resign(miniBlock, { timestampUs: 5 }, {}, testSigner('somebody'));
  await expectNothing('EQUIVOCATION', { messages: [one, forged] }, '1 messages in it are not signed');
  const digestOnly = miniBlock.digest;
  await expectNothing('EQUIVOCATION', { messages: [digestOnly, one] }, 'two signed messages');
  const foreign = chain.resign(miniBlock, { genesisHash: SOME_HASH });
  await expectNothing('EQUIVOCATION', { messages: [one, foreign] }, 'not signed');
});

test('honest mini-blocks break no rule', async () => {
  const parts = { messages: [bytesOf(1), bytesOf(2)], context: [first.bytes] };
  await expectNothing('WRONG_PARENT', parts, 'continues the one before');
  await expectNothing('WRONG_TIMESTAMP', parts, 'increases');
  await expectNothing('WRONG_POSITION', parts, 'follows');
  await expectNothing('WRONG_ENVIRONMENT', parts, 'follows from the block before');
  await expectNothing('WRONG_CONTENTS', parts, 'keeps the rules');
  await expectNothing('UNDECODABLE', parts, 'keeps the rules');
  for (const rule of ['WRONG_PARENT', 'WRONG_TIMESTAMP', 'WRONG_POSITION', 'WRONG_ENVIRONMENT']) {
    expect((await judge(evidenceOf(rule, { messages: [bytesOf(2)] }), chain)).isProven).toBe(false);
  }
});

test('what an older epoch gave up is no parent', async () => {
  const other = new ReplicaFixture();
  other.miniBlock();
  const givenUp = other.miniBlock(1, 7n);
  // An epoch later another mini-block 2 may be what mini-block 3 continues.
  const { envelope } = givenUp.miniBlock;
  const next = other.resign(givenUp.miniBlock, {
    epoch: envelope.epoch + 1,
    number: envelope.number + 1,
    parentDigest: SOME_HASH,
  });
  const accused = evidenceOf('WRONG_PARENT', { messages: [givenUp.record.bytes, next] });
  expect(await judge(accused, other)).toEqual({ isProven: false, statement: expect.stringContaining('is not in it') });
});

test('an honest seal stands whatever is put beside it', async () => {
  const context = [first.bytes, bytesOf(2)];
  const { witness } = second;
  await expectNothing('WRONG_SEAL', { messages: [second.bytes], context }, 'judged by parent, witness and net diff');
  const netDiff = defined(netDiffs[1]);
  expect(keccak256(netDiff)).toEqual(second.seal.stateDiffDigest);
  await expectNothing('WRONG_SEAL', { messages: [second.bytes], context, witness, netDiff }, 'fits what is in it');
  await expectNothing('WRONG_STATE_ROOT', { messages: [second.bytes], context, witness, netDiff }, 'leads to the sealed root');
  await expectNothing(
    'WRONG_STATE_ROOT',
    { messages: [second.bytes], context, witness, netDiff: defined(netDiffs[0]) },
    'not the one',
  );
  await expectNothing('WRONG_STATE_ROOT', { messages: [second.bytes], witness, netDiff }, 'header of the block before');
});

test('a net diff that is padded with what does not change leads to the root and proves nothing', async () => {
  const { accounts } = decodeStateDiff(defined(netDiffs[1]));
  const receiver = defined(accounts.find(({ nonce, balance }) => nonce === undefined && balance !== undefined));
  const nonce = defined(chain.builder.state.getAccount(receiver.address)).nonce;
  const padded = accounts.map((account) => (account === receiver ? { ...account, nonce } : account));
  const parts = { messages: [second.bytes], context: [first.bytes, bytesOf(2)], witness: second.witness };
  const netDiff = encodeStateDiff(createStateDiff(padded, []));
  await expectNothing('WRONG_SEAL', { ...parts, netDiff }, 'lists what does not change');
});

test('unsigned parts that are damaged prove nothing and break nothing', async () => {
  const broken = Uint8Array.of(0xc1);
  const parts = { messages: [second.bytes], context: [first.bytes, bytesOf(2)], witness: broken, netDiff: broken };
  expect((await judge(evidenceOf('WRONG_SEAL', parts), chain)).isProven).toBe(false);
  expect((await judge(evidenceOf('WRONG_STATE_ROOT', parts), chain)).isProven).toBe(false);
  await expectNothing('WRONG_EXECUTION', parts, 'cannot be executed');
});

test('one voice against another proves neither wrong, and a prover has one voice', async () => {
  const lie = encodeAttestation(chain.attestation(second, 0, { success: false, postStateRoot: SOME_HASH }));
  const blocks = [first.bytes, second.bytes];
  const agrees = (prover: number) => encodeAttestation(chain.attestation(second, prover));
  await expectNothing('PROVER_DISAGREES', { messages: [lie], context: [...blocks, agrees(1)] }, 'one voice');
  await expectNothing('PROVER_DISAGREES', { messages: [lie], context: [...blocks, agrees(1), agrees(1)] }, 'one voice');
  await expectNothing('PROVER_DISAGREES', { messages: [lie], context: [...blocks, agrees(1), agrees(0)] }, 'one voice');
  await expectNothing('FALSE_SUCCESS', { messages: [agrees(2)], context: blocks }, 'agrees');
  await expectNothing('FALSE_SUCCESS', { messages: [lie], context: [first.bytes] }, 'is not in it');
  await expectNothing('PROVERS_DISAGREE', { messages: [lie, lie], context: blocks }, 'not as many as 2');
  await expectNothing('CONFLICTING_RESULTS', { messages: [lie, agrees(1), agrees(2)], context: blocks }, 'no block has two');
  const proven = evidenceOf('PROVER_DISAGREES', { messages: [lie], context: [...blocks, agrees(1), agrees(2)] });
  expect((await judge(proven, chain)).isProven).toBe(true);
});

test('an epoch may start anywhere above the safe block', async () => {
  const start = defined(chain.records.find((record) => record[0] === 2));
  await expectNothing('EPOCH_BELOW_SAFE', { messages: [start], context: [first.bytes] }, 'no block above');
});

test.each(['UNDO_NOT_AVAILABLE', 'toString', '__proto__', ''])('rule %j accuses nobody', async (rule) => {
  const message = encodeSequencerMessage({ kind: 'blockSeal', blockSeal: first.seal });
  await expectNothing(rule, { messages: [message] }, 'accuses nobody');
});
