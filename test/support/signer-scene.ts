import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { type Attestation, attestationDigest, type UnsignedAttestation } from '../../src/protocol/attestation.ts';
import type { Hex } from '../../src/util/bytes.ts';
import type { ChainBuilderOptions } from './chain-builder.ts';
import { defined } from './defined.ts';
import { type CallSpec, type ExecutedBlock, ExecutedChain } from './executed-chain.ts';
import { FakeSequencer } from './fake-sequencer.ts';
import { nodeInfo } from './json-rpc.ts';
import { page } from './node-process.ts';
import { RoleProcesses, type RunningRole } from './role-processes.ts';
import { testSigner } from './test-accounts.ts';

/** Mini-blocks of block 1. */
const HONEST_MINI_BLOCKS = 2;

/** A sequencer that signs what a test wants, with honest blocks so far, and room for real nodes of its chain. */
export interface SignerScene {
  readonly chain: ExecutedChain;
  readonly sequencer: FakeSequencer;
  readonly roles: RoleProcesses;
  /** Block 1. */
  readonly honest: ExecutedBlock;
}

/** A scene with one honest block, taken down at the end of the test. */
export async function setSignerScene(options: Pick<ChainBuilderOptions, 'threshold' | 'provers'>): Promise<SignerScene> {
  const chain = new ExecutedChain(options);
  const sequencer = await FakeSequencer.start(chain.identity, chain.sequencer);
  const roles = await RoleProcesses.create(chain.genesisFile);
  onTestFinished(async () => {
    await roles[Symbol.asyncDispose]();
    await sequencer[Symbol.asyncDispose]();
  });
  const honest = await chain.block([transfer(chain)], [transfer(chain)]);
  publishBlock(sequencer, honest);
  return { chain, sequencer, roles, honest };
}

/** Publishes a block with its witness. */
export function publishBlock(sequencer: FakeSequencer, { miniBlocks, seal, witness }: ExecutedBlock): void {
  for (const miniBlock of miniBlocks) sequencer.publish({ kind: 'miniBlock', miniBlock });
  sequencer.serveWitness(seal.header.number, witness);
  sequencer.publish({ kind: 'blockSeal', blockSeal: seal });
}

export function transfer({ accounts }: ExecutedChain): CallSpec {
  return { from: defined(accounts[0]), to: defined(accounts[1]).address, value: 5n };
}

/** A prover's word for a block, as an honest one gives it but for `changes`. */
export function attestationOf(
  { chain }: Pick<SignerScene, 'chain'>,
  { seal, hash }: ExecutedBlock,
  prover: string,
  changes: Partial<UnsignedAttestation> = {},
): Attestation {
  const { number } = seal.header;
  const unsigned = {
    ...{ proofType: 1, blockNumber: number, blockHash: hash, success: true },
    ...{ preStateRoot: defined(chain.headers[number - 1]).stateRoot, postStateRoot: seal.header.stateRoot },
    ...{ stateDiffDigest: seal.stateDiffDigest, receiptsRoot: seal.header.receiptsRoot, lastMiniBlockDigest: seal.lastDigest },
    ...changes,
  };
  return { ...unsigned, signature: testSigner(prover).sign(attestationDigest(unsigned, chain.identity)) };
}

/** A replica that follows the scene, where block 1 is safe. */
export async function replicaAtBlock1(scene: SignerScene, threshold: number): Promise<RunningRole> {
  const { sequencer, roles, honest } = scene;
  for (let prover = 0; prover < threshold; prover++) {
    sequencer.serveAttestation(attestationOf(scene, honest, `prover ${prover}`));
  }
  const replica = await roles.replica('replica', [sequencer.address]);
  await replica.ready();
  await safeIs(replica, 1);
  return replica;
}

/** Kills a replica and starts it on its data again; resolves when it answers. */
export async function restarted({ roles, sequencer }: SignerScene, replica: RunningRole): Promise<RunningRole> {
  await replica.process.crash();
  const again = await roles.replica('replica', [sequencer.address]);
  await again.process.until(() => nodeInfo(again.rpcUrl).catch(() => undefined), 'JSON-RPC is up');
  return again;
}

export async function safeIs(replica: RunningRole, block: number): Promise<void> {
  await replica.process.until(async () => Number((await nodeInfo(replica.rpcUrl)).safe) === block, `safe is ${block}`);
}

interface EvidenceJson {
  /** Comes behind the halt. */
  readonly witness?: Hex;
  readonly rule: string;
  readonly messages: readonly Hex[];
}

/** The files of evidence that a replica keeps. */
export async function evidenceOf({ dataDir }: RunningRole): Promise<EvidenceJson[]> {
  const folder = join(dataDir, 'evidence');
  const names = (await readdir(folder)).filter((name) => /^evidence-\d{4}\.json$/.test(name));
  return Promise.all(names.map(async (name) => JSON.parse(await readFile(join(folder, name), 'utf8')) as EvidenceJson));
}

/** Halted and not ready, back at the safe block 1. */
export async function expectHaltedAtBlock1({ process, rpcUrl, metricsUrl }: RunningRole, rule: string): Promise<void> {
  await process.until(async () => (await nodeInfo(rpcUrl)).state === 'halted', 'the replica halts');
  await process.until(async () => (await nodeInfo(rpcUrl)).miniBlock === HONEST_MINI_BLOCKS, 'back at the safe block');
  expect(await nodeInfo(rpcUrl)).toMatchObject({
    isReady: false,
    safe: '0x1',
    head: { number: '0x1' },
    reason: expect.stringContaining(`HALTED ${rule}`),
  });
  const ready = defined(await page(`${metricsUrl}/ready`));
  expect(ready.status).toBe(503);
  expect(ready.body).toContain(rule);
  expect(defined(await page(`${metricsUrl}/metrics`)).body).toContain(`strobe_replica_halted{rule="${rule}"} 1`);
}
