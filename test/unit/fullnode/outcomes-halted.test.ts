import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { encodeAttestation } from '../../../src/protocol/attestation.ts';
import { encodeBody } from '../../../src/protocol/mini-block.ts';
import { createStateDiff, stateDiffDigest } from '../../../src/protocol/state-diff.ts';
import { bytesEqual, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { judge } from '../../support/judge-evidence.ts';
import { plainDiffPayload } from '../../support/plain-diff.ts';
import { ReplicaFixture } from '../../support/replica-fixture.ts';
import { ReplicaHarness } from '../../support/replica-harness.ts';
import { waitFor } from '../../support/wait-for.ts';

const SOME_HASH = new Uint8Array(32).fill(9);

let chain: ReplicaFixture;
let replica: ReplicaHarness;

/** A replica with one safe block and one that is sealed and not attested. */
beforeEach(async () => {
  chain = new ReplicaFixture();
  replica = await ReplicaHarness.start(chain);
  const safe = chain.block();
  replica.deliver(...chain.records);
  await replica.blockIs(1);
  replica.chunks(...safe.witnessChunks);
  replica.attest(...chain.attest(safe));
  await replica.safeIs(1);
  const from = chain.records.length;
  chain.block();
  replica.deliver(...chain.records.slice(from));
  await replica.blockIs(2);
});
afterEach(() => replica.stop());

/** What only a node with the state in front of a mini-block can judge. */
const NEEDS_STATE = 'only a node has';

/**
 * Halted at the safe block, with the proof on disk, and still so after a restart. The proof stands for whoever has the
 * genesis file; `missing` says why where it does not.
 */
async function expectHalted(rule: string, evidence: readonly Uint8Array[], missing?: string): Promise<void> {
  expect(await replica.halted()).toBe(rule);
  await replica.miniBlockIs(2);
  expect(replica.node.status()).toMatchObject({ state: 'halted', isReady: false, block: 1, safeBlock: 1 });
  expect(replica.node.ready().reason).toContain(`HALTED ${rule}`);
  expect(replica.log.lastNumber()).toBe(2);
  expect(replica.evidence.list()).toMatchObject([{ rule, messages: evidence.map(toHex) }]);
  await expectProof(missing);
  // A block that is fine changes nothing any more.
  expect(replica.deliver(chain.heartbeat())).toEqual([{ kind: 'ignore', code: 'NOT_FOLLOWING' }]);
  replica = await replica.restart();
  expect(replica.node.status()).toMatchObject({ state: 'halted', miniBlock: 2 });
}

async function expectProof(missing?: string): Promise<void> {
  const finding = await judge(replica.evidence.list()[0], chain);
  if (missing === undefined) expect(finding).toMatchObject({ isProven: true });
  else expect(finding).toMatchObject({ isProven: false, statement: expect.stringContaining(missing) });
}

describe('a sequencer-signed wrong mini-block undoes to the safe block and halts', () => {
  test('a diff that is not the signed one', async () => {
    const { miniBlock, diff } = chain.miniBlock();
    const [first, ...others] = diff.accounts;
    const other = createStateDiff([{ ...first, address: first?.address ?? SOME_HASH, balance: 7n }, ...others], []);
    const diffPayload = plainDiffPayload(other);
    const wrong = chain.resign(miniBlock, { diffPayloadDigest: keccak256(diffPayload) }, { diffPayload });
    replica.deliver(wrong);
    await expectHalted('WRONG_CONTENTS', [wrong], NEEDS_STATE);
  });

  test('a diff that does not apply', async () => {
    const { miniBlock } = chain.miniBlock();
    // Code that nobody knows.
    const impossible = createStateDiff([{ address: new Uint8Array(20).fill(3), nonce: 1n, codeHash: SOME_HASH }], []);
    const diffPayload = plainDiffPayload(impossible);
    const digests = { diffPayloadDigest: keccak256(diffPayload), stateDiffDigest: stateDiffDigest(impossible) };
    const wrong = chain.resign(miniBlock, digests, { diffPayload });
    replica.deliver(wrong);
    await expectHalted('WRONG_STATE_DIFF', [wrong], NEEDS_STATE);
  });

  test.each([
    ['WRONG_ENVIRONMENT', { baseFeePerGas: 1n }],
    ['WRONG_ENVIRONMENT', { parentHash: SOME_HASH }],
    ['WRONG_ENVIRONMENT', { gasLimit: 1n }],
    ['WRONG_ENVIRONMENT', { coinbase: SOME_HASH.subarray(0, 20) }],
    ['WRONG_ENVIRONMENT', { prevRandao: SOME_HASH }],
    ['WRONG_ENVIRONMENT', { timestamp: 1 }],
  ])('%s: %o', async (rule, change) => {
    const { miniBlock } = chain.miniBlock();
    const { env } = miniBlock.envelope;
    if (env === undefined) throw new TypeError('index 0 carries the environment');
    const wrong = chain.resign(miniBlock, { env: { ...env, ...change } });
    replica.deliver(wrong);
    await expectHalted(rule, [wrong]);
  });

  test.each([
    ['WRONG_PARENT', { parentDigest: SOME_HASH }],
    ['WRONG_TIMESTAMP', { timestampUs: 5 }],
    ['WRONG_POSITION', { index: 7, env: undefined }],
  ])('%s: %o, with the mini-block before as evidence', async (rule, change) => {
    const { miniBlock } = chain.miniBlock();
    const wrong = chain.resign(miniBlock, change);
    replica.deliver(wrong);
    await expectHalted(rule, [chain.miniBlocks[3] as Uint8Array, wrong]);
  });

  test('receipts that use less gas than the ones before', async () => {
    const { miniBlock, body } = chain.miniBlock(2);
    const receipts = [...body.receipts].reverse();
    const { payload: bodyPayload, transactionsDigest, receiptsDigest } = encodeBody({ ...body, receipts });
    const digests = { transactionsDigest, receiptsDigest, bodyPayloadDigest: keccak256(bodyPayload) };
    const wrong = chain.resign(miniBlock, digests, { bodyPayload });
    replica.deliver(wrong);
    await expectHalted('WRONG_CONTENTS', [wrong]);
  });

  test('a payload that cannot be decoded is fetched again, and halts the second time', async () => {
    const { miniBlock } = chain.miniBlock();
    const diffPayload = Uint8Array.of(0, 0xc0);
    const wrong = chain.resign(miniBlock, { diffPayloadDigest: keccak256(diffPayload) }, { diffPayload });
    chain.records[chain.records.length - 1] = wrong;
    const { peers } = replica;
    const requestsBefore = peers.requests.length;
    peers.records = chain.records;
    replica.deliver(wrong);
    await expectHalted('UNDECODABLE', [wrong]);
    expect(peers.requests.length).toBeGreaterThan(requestsBefore);
  });
});

describe('a sequencer-signed wrong seal', () => {
  test.each([
    ['transactionsRoot', { header: { transactionsRoot: SOME_HASH } }],
    ['receiptsRoot', { header: { receiptsRoot: SOME_HASH } }],
    ['logsBloom', { header: { logsBloom: new Uint8Array(256).fill(1) } }],
    ['gasUsed', { header: { gasUsed: 1n } }],
    ['timestamp', { header: { timestamp: 5 } }],
    ['stateDiffDigest', { stateDiffDigest: SOME_HASH }],
    ['registryDigest', { registryDigest: SOME_HASH }],
    ['lastDigest', { lastDigest: SOME_HASH }],
    ['firstNumber', { firstNumber: 1 }],
  ])('with another %s', async (field, change) => {
    chain.miniBlock();
    const records = chain.records.slice(-1);
    const block = chain.seal();
    const { bytes } = chain.resignSeal(block.seal, change);
    replica.peers.witnesses.set(3, block.witness);
    replica.deliver(...records, bytes);
    // Compared behind the seal; the witness, which proves it to others, comes behind the halt.
    if (field === 'stateDiffDigest') await waitFor(() => replica.evidence.list()[0]?.witness, { what: 'the witness is added' });
    await expectHalted('WRONG_SEAL', [bytes], field === 'registryDigest' ? 'the whole registry' : undefined);
    expect(replica.node.ready().reason).toContain(field);
  });

  test('with a state root that its own witness disproves', async () => {
    chain.miniBlock();
    const records = chain.records.slice(-1);
    const block = chain.seal();
    const { seal, bytes } = chain.resignSeal(block.seal, { header: { stateRoot: SOME_HASH } });
    replica.peers.witnesses.set(3, block.witness);
    replica.peers.witnesses.set(2, (chain.blocks[1] ?? block).witness);
    replica.deliver(...records, bytes);
    await expectHalted('WRONG_STATE_ROOT', [bytes]);
    expect(seal.header.number).toBe(3);
  });
});

describe('equivocation', () => {
  test('two digests of an applied mini-block', async () => {
    const first = chain.miniBlocks[3] as Uint8Array;
    const applied = chain.builder.blocks[1]?.miniBlocks[1]?.miniBlock;
    if (applied === undefined) throw new TypeError('the fixture has the block');
    const second = chain.resign(applied, { timestampUs: applied.envelope.timestampUs + 1 });
    expect(replica.deliver(second)).toEqual([{ kind: 'accept' }]);
    await expectHalted('EQUIVOCATION', [first, second]);
    expect(replica.node.equivocations()).toEqual([{ first: toHex(first), second: toHex(second) }]);
  });

  test('two digests of a mini-block that is not applied yet', async () => {
    chain.miniBlock();
    const { miniBlock, record } = chain.miniBlock();
    const second = chain.resign(miniBlock, { timestampUs: miniBlock.envelope.timestampUs + 1 });
    replica.deliver(record.bytes, second);
    await expectHalted('EQUIVOCATION', [record.bytes, second]);
  });

  test('a heartbeat that names another digest', async () => {
    const heartbeat = chain.heartbeat({ digest: SOME_HASH });
    replica.deliver(heartbeat);
    await expectHalted('EQUIVOCATION', [chain.miniBlocks[3] as Uint8Array, heartbeat]);
  });

  test('two seals of one block', async () => {
    const { seal, bytes } = chain.blocks[1] ?? {};
    if (seal === undefined || bytes === undefined) throw new TypeError('the fixture has the block');
    const second = chain.resignSeal(seal, { witnessBytes: 1 }).bytes;
    replica.deliver(second);
    await expectHalted('EQUIVOCATION', [bytes, second]);
  });
});

describe('provers against the block', () => {
  const wrongRoot = { postStateRoot: SOME_HASH };

  test('one that disagrees is excluded, with evidence, and the chain goes on', async () => {
    const block = chain.blocks[1] as (typeof chain.blocks)[number];
    const wrong = encodeAttestation(chain.attestation(block, 2, { ...wrongRoot, success: false }));
    expect(replica.attest(wrong)).toEqual([{ kind: 'accept' }]);
    replica.chunks(...block.witnessChunks);
    replica.attest(...chain.attest(block));
    await replica.safeIs(2);
    expect(replica.node.status()).toMatchObject({
      state: 'live',
      excludedProvers: [toHex(chain.provers[2]?.address ?? SOME_HASH)],
    });
    expect(replica.evidence.list()).toMatchObject([{ rule: 'PROVER_DISAGREES', messages: [toHex(wrong)] }]);
    // The attestations that contradict it came later, and are added to the proof.
    await waitFor(async () => (await judge(replica.evidence.list()[0], chain)).isProven, { what: 'the proof is complete' });
    // Its voice counts for nothing from now on, after a restart too.
    replica = await replica.restart();
    const late = encodeAttestation(chain.attestation(block, 2));
    expect(replica.attest(late)).toEqual([{ kind: 'ignore', code: 'EXCLUDED_PROVER' }]);
  });

  test('one that signs a false success is excluded', async () => {
    const block = chain.blocks[1] as (typeof chain.blocks)[number];
    replica.attest(encodeAttestation(chain.attestation(block, 0, wrongRoot)));
    replica.chunks(...block.witnessChunks);
    replica.attest(...[1, 2].map((prover) => encodeAttestation(chain.attestation(block, prover))));
    await replica.safeIs(2);
    expect(replica.evidence.list()).toMatchObject([{ rule: 'FALSE_SUCCESS' }]);
    await expectProof();
  });

  test('as many as the threshold with one other result halt the node', async () => {
    const block = chain.blocks[1] as (typeof chain.blocks)[number];
    const wrong = [0, 1].map((prover) => encodeAttestation(chain.attestation(block, prover, wrongRoot)));
    replica.attest(...wrong);
    expect(await replica.halted()).toBe('PROVERS_DISAGREE');
    await replica.miniBlockIs(2);
    expect(replica.evidence.list().at(-1)).toMatchObject({ rule: 'PROVERS_DISAGREE', messages: wrong.map(toHex) });
    expect(await judge(replica.evidence.list().at(-1), chain)).toMatchObject({ isProven: true });
  });

  test('two different results with enough provers each halt the node, and nothing is undone', async () => {
    await replica.stop();
    replica = await ReplicaHarness.start(chain, { genesis: { threshold: 1 } });
    const block = chain.blocks[1] as (typeof chain.blocks)[number];
    replica.deliverAll();
    await replica.blockIs(2);
    replica.attest(encodeAttestation(chain.attestation(block, 0)), encodeAttestation(chain.attestation(block, 1, wrongRoot)));
    expect(await replica.halted()).toBe('CONFLICTING_RESULTS');
    const stranger = Object.assign(chain, { genesis: { ...chain.genesis, threshold: 1 } });
    expect(await judge(replica.evidence.list().at(-1), stranger)).toMatchObject({ isProven: true });
    expect(replica.node.status().miniBlock).toBe(4);
  });

  test('with a threshold of one, a single other result only excludes its prover', async () => {
    await replica.stop();
    replica = await ReplicaHarness.start(chain, { genesis: { threshold: 1 } });
    replica.deliverAll();
    await replica.blockIs(2);
    const block = chain.blocks[1] as (typeof chain.blocks)[number];
    replica.attest(encodeAttestation(chain.attestation(block, 1, wrongRoot)));
    await expect.poll(() => replica.node.status().excludedProvers.length).toBe(1);
    expect(replica.node.status().state).toBe('live');
  });
});

test('the state of the safe block is what is served after an undo', async () => {
  const { miniBlock } = chain.miniBlock();
  replica.deliver(chain.resign(miniBlock, { parentDigest: SOME_HASH }));
  await replica.halted();
  await replica.miniBlockIs(2);
  const twin = new ReplicaFixture();
  twin.block();
  for (const { address } of chain.builder.accounts)
    expect(replica.state.getAccount(address)).toEqual(twin.builder.state.getAccount(address));
  expect(bytesEqual(replica.store.head().hash, twin.blocks[0]?.hash ?? SOME_HASH)).toBe(true);
});
