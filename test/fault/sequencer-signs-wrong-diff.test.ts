import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Attestation, attestationDigest, decodeAttestation } from '../../src/protocol/attestation.ts';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { type BlockSeal, blockSealDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { type Bytes, fromHex, type Hex, toHex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { type CallSpec, type ExecutedBlock, ExecutedChain } from '../support/executed-chain.ts';
import { FakeSequencer } from '../support/fake-sequencer.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import { RoleProcesses, type RunningRole } from '../support/role-processes.ts';
import { runCommand } from '../support/run-command.ts';
import { testAccount, testSigner } from '../support/test-accounts.ts';

/** Who gets ether that no transaction sent. */
const THIEF = testAccount('thief').address;
const LOOT_WEI = 10n ** 21n;
/** Mini-blocks of block 1. */
const HONEST_MINI_BLOCKS = 2;
const PROVERS = ['prover 0', 'prover 1'] as const;

/** What the sequencer does beside executing transactions. */
function steal(world: WorldState): void {
  world.setAccount(THIEF, { nonce: 0n, balance: LOOT_WEI, codeHash: EMPTY_CODE_HASH });
}

interface Scene {
  readonly chain: ExecutedChain;
  readonly sequencer: FakeSequencer;
  readonly roles: RoleProcesses;
}

/** A sequencer whose chain has one honest block. */
async function setScene(threshold: number): Promise<Scene & { readonly honest: ExecutedBlock }> {
  const chain = new ExecutedChain({ threshold });
  const sequencer = await FakeSequencer.start(chain.identity, chain.sequencer);
  const roles = await RoleProcesses.create(chain.genesisFile);
  onTestFinished(async () => {
    await roles[Symbol.asyncDispose]();
    await sequencer[Symbol.asyncDispose]();
  });
  const honest = await chain.block([transfer(chain)], [transfer(chain)]);
  for (const miniBlock of honest.miniBlocks) sequencer.publish({ kind: 'miniBlock', miniBlock });
  sequencer.publish({ kind: 'blockSeal', blockSeal: honest.seal });
  sequencer.serveWitness(1, honest.witness);
  return { chain, sequencer, roles, honest };
}

function transfer({ accounts }: ExecutedChain): CallSpec {
  return { from: defined(accounts[0]), to: defined(accounts[1]).address, value: 5n };
}

/** A prover's word for a block, as an honest one gives it. */
function attestationOf({ chain, honest }: { chain: ExecutedChain; honest: ExecutedBlock }, prover: string): Attestation {
  const { seal, hash } = honest;
  const unsigned = {
    ...{ proofType: 1, blockNumber: seal.header.number, blockHash: hash, success: true },
    ...{ preStateRoot: defined(chain.headers[0]).stateRoot, postStateRoot: seal.header.stateRoot },
    ...{ stateDiffDigest: seal.stateDiffDigest, receiptsRoot: seal.header.receiptsRoot, lastMiniBlockDigest: seal.lastDigest },
  };
  return { ...unsigned, signature: testSigner(prover).sign(attestationDigest(unsigned, chain.identity)) };
}

async function safeIs(replica: RunningRole, block: number): Promise<void> {
  await replica.process.until(async () => Number((await nodeInfo(replica.rpcUrl)).safe) === block, `safe is ${block}`);
}

async function loot(replica: RunningRole): Promise<bigint> {
  return BigInt(await rpc<Hex>(replica.rpcUrl, 'eth_getBalance', [toHex(THIEF), 'latest']));
}

interface Evidence {
  readonly witness?: Hex;
  readonly rule: string;
  readonly messages: readonly Hex[];
}

async function evidenceOf({ dataDir }: RunningRole): Promise<Evidence[]> {
  const folder = join(dataDir, 'evidence');
  const names = (await readdir(folder)).filter((name) => /^evidence-\d{4}\.json$/.test(name));
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as Evidence));
}

/** Halted and not ready, back at the safe block 1, where nothing was stolen. */
async function expectHalted(replica: RunningRole, rule: string): Promise<void> {
  const { process, rpcUrl, metricsUrl } = replica;
  await process.until(async () => (await nodeInfo(rpcUrl)).state === 'halted', 'the replica halts');
  await process.until(async () => (await nodeInfo(rpcUrl)).miniBlock === HONEST_MINI_BLOCKS, 'back at the safe block');
  expect(await nodeInfo(rpcUrl)).toMatchObject({
    isReady: false,
    safe: '0x1',
    head: { number: '0x1' },
    reason: expect.stringContaining(`HALTED ${rule}`),
  });
  expect(await loot(replica)).toBe(0n);
  const ready = defined(await page(`${metricsUrl}/ready`));
  expect(ready.status).toBe(503);
  expect(ready.body).toContain(rule);
  expect(defined(await page(`${metricsUrl}/metrics`)).body).toContain(`strobe_replica_halted{rule="${rule}"} 1`);
}

const LIES: readonly {
  readonly rule: string;
  readonly what: string;
  readonly change: (honest: BlockSeal, seal: BlockSeal) => BlockSeal;
}[] = [
  {
    rule: 'WRONG_STATE_ROOT',
    what: 'with the state root of an honest execution',
    change: (honest, seal) => ({ ...seal, header: { ...seal.header, stateRoot: honest.header.stateRoot } }),
  },
  {
    rule: 'WRONG_SEAL',
    what: 'with the diff of an honest execution',
    change: (honest, seal) => ({ ...seal, stateDiffDigest: honest.stateDiffDigest }),
  },
];

test.each(LIES)('a stolen balance under a seal $what: $rule, undone to the safe block', async ({ rule, change }) => {
  const scene = await setScene(1);
  const { chain, sequencer, roles } = scene;
  sequencer.serveAttestation(attestationOf(scene, PROVERS[0]));
  const replica = await roles.replica('replica', [sequencer.address]);
  await replica.ready();
  await safeIs(replica, 1);

  // The same transaction, once executed honestly for its seal.
  const twin = new ExecutedChain({ threshold: 1 });
  await twin.block([transfer(twin)], [transfer(twin)]);
  const honest = await twin.block([transfer(twin)]);
  const miniBlock = await chain.miniBlock([transfer(chain)], steal);
  sequencer.publish({ kind: 'miniBlock', miniBlock });
  // `latest` is the sequencer's signed claim, and shows it.
  await replica.process.until(async () => (await loot(replica)) === LOOT_WEI, 'the claim is applied');
  const { seal, witness } = await chain.seal();
  const lie = change(honest.seal, seal);
  sequencer.serveWitness(2, witness);
  const proof = sequencer.publish({ kind: 'blockSeal', blockSeal: withSignature(lie, blockSealDigest(lie), chain.sequencer) });

  await expectHalted(replica, rule);
  expect(await evidenceOf(replica)).toMatchObject([{ rule, messages: [toHex(proof)] }]);
  // The witness comes behind the halt; with it the file is a proof for whoever has the genesis file.
  await replica.process.until(async () => (await evidenceOf(replica))[0]?.witness, 'the witness is added');
  const file = join(replica.dataDir, 'evidence', 'evidence-0000.json');
  expect(await runCommand('verify-evidence', file, '--genesis', roles.genesisFile)).toMatchObject({
    code: 0,
    out: expect.stringContaining(`${rule}  PROVEN`),
  });
  // Neither a restart nor more of the chain makes it forget.
  await replica.process.crash();
  const restarted = await roles.replica('replica', [sequencer.address]);
  await restarted.process.until(() => nodeInfo(restarted.rpcUrl).catch(() => undefined), 'JSON-RPC is up');
  await expectHalted(restarted, rule);
});

/** A block in which something is stolen and all of whose digests and roots fit together; then an honest one. */
async function publishConsistentTheft({ chain, sequencer }: Scene): Promise<void> {
  for (const meddle of [steal, undefined]) {
    const miniBlock = await chain.miniBlock([transfer(chain)], meddle);
    const { seal, witness } = await chain.seal();
    sequencer.publish({ kind: 'miniBlock', miniBlock });
    sequencer.serveWitness(seal.header.number, witness);
    sequencer.publish({ kind: 'blockSeal', blockSeal: seal });
  }
}

const isDisagreement = ({ blockNumber, success }: Attestation): boolean => blockNumber === 2 && !success;

test('a theft that only execution shows, one prover of one needed: it disagrees and is excluded, and safe waits below', async () => {
  const scene = await setScene(1);
  const { sequencer, roles } = scene;
  const replica = await roles.replica('replica', [sequencer.address]);
  await replica.ready();
  const prover = await roles.prover('prover', [sequencer.address], testAccount(PROVERS[0]));
  await safeIs(replica, 1);
  await publishConsistentTheft(scene);

  await prover.process.until(() => sequencer.attestations.some(({ blockNumber }) => blockNumber === 3), 'block 3 is attested');
  await replica.process.until(
    async () => (await nodeInfo(replica.rpcUrl)).excludedProvers?.length === 1,
    'the prover is excluded',
  );
  expect(sequencer.attestations.filter(isDisagreement)).toHaveLength(1);
  await replica.process.until(async () => Number((await nodeInfo(replica.rpcUrl)).head.number) === 3, 'block 3 is sealed');
  const rootVerified = async (block: Hex) =>
    (await rpc<{ rootVerified: boolean }>(replica.rpcUrl, 'strobe_blockStatus', [block])).rootVerified;
  await replica.process.until(() => rootVerified('0x3'), 'the roots fit together');
  // One voice against the sequencer's proves neither wrong: the chain goes on, and nobody is told that it is safe.
  const prover0 = toHex(testAccount(PROVERS[0]).address);
  expect(await nodeInfo(replica.rpcUrl)).toMatchObject({ state: 'live', safe: '0x1', excludedProvers: [prover0] });
  expect(await rpc(replica.rpcUrl, 'strobe_blockStatus', ['0x2'])).toMatchObject({ attestedBy: [], tag: 'latest' });
  const [evidence] = await evidenceOf(replica);
  expect(evidence?.rule).toBe('PROVER_DISAGREES');
  const statement = decodeAttestation(fromHex(defined(evidence?.messages[0])) as Bytes);
  expect(isDisagreement(statement)).toBe(true);
  expect(defined(await page(`${prover.metricsUrl}/metrics`)).body).toMatch(/^strobe_prover_blocks_total\{.*\} 1$/m);
});

test('a theft that only execution shows, two provers of two needed: both disagree, and the replica halts', async () => {
  const scene = await setScene(2);
  const { sequencer, roles } = scene;
  const replica = await roles.replica('replica', [sequencer.address]);
  await replica.ready();
  for (const name of PROVERS) await roles.prover(name.replace(' ', '-'), [sequencer.address], testAccount(name));
  await safeIs(replica, 1);
  await publishConsistentTheft(scene);

  await expectHalted(replica, 'PROVERS_DISAGREE');
  expect((await evidenceOf(replica)).map(({ rule }) => rule)).toContain('PROVERS_DISAGREE');
});
