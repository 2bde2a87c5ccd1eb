import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type Attestation, decodeAttestation } from '../../src/protocol/attestation.ts';
import type { WorldState } from '../../src/protocol/ports/state.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { type BlockSeal, blockSealDigest, withSignature } from '../../src/protocol/sequencer-messages.ts';
import { type Bytes, fromHex, type Hex, toHex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { ExecutedChain } from '../support/executed-chain.ts';
import { isFullRun, sampled } from '../support/fault-seed.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import type { RunningRole } from '../support/role-processes.ts';
import { runCommand } from '../support/run-command.ts';
import {
  attestationOf,
  evidenceOf,
  expectHaltedAtBlock1,
  type SignerScene,
  safeIs,
  setSignerScene,
  transfer,
} from '../support/signer-scene.ts';
import { testAccount } from '../support/test-accounts.ts';

/** Who gets ether that no transaction sent. */
const THIEF = testAccount('thief').address;
const LOOT_WEI = 10n ** 21n;
const PROVERS = ['prover 0', 'prover 1'] as const;

/** What the sequencer does beside executing transactions. */
function steal(world: WorldState): void {
  world.setAccount(THIEF, { nonce: 0n, balance: LOOT_WEI, codeHash: EMPTY_CODE_HASH });
}

async function loot(replica: RunningRole): Promise<bigint> {
  return BigInt(await rpc<Hex>(replica.rpcUrl, 'eth_getBalance', [toHex(THIEF), 'latest']));
}

/** Halted, back at the safe block 1, where nothing was stolen. */
async function expectHalted(replica: RunningRole, rule: string): Promise<void> {
  await expectHaltedAtBlock1(replica, rule);
  expect(await loot(replica)).toBe(0n);
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

test.each(sampled(LIES))('a stolen balance under a seal $what: $rule, undone to the safe block', async ({ rule, change }) => {
  const scene = await setSignerScene({ threshold: 1 });
  const { chain, sequencer, roles } = scene;
  sequencer.serveAttestation(attestationOf(scene, scene.honest, PROVERS[0]));
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
async function publishConsistentTheft({ chain, sequencer }: SignerScene): Promise<void> {
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
  const scene = await setSignerScene({ threshold: 1 });
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

test.runIf(isFullRun)(
  'a theft that only execution shows, two provers of two needed: both disagree, and the replica halts',
  async () => {
    const scene = await setSignerScene({ threshold: 2 });
    const { sequencer, roles } = scene;
    const replica = await roles.replica('replica', [sequencer.address]);
    await replica.ready();
    for (const name of PROVERS) await roles.prover(name.replace(' ', '-'), [sequencer.address], testAccount(name));
    await safeIs(replica, 1);
    await publishConsistentTheft(scene);

    await expectHalted(replica, 'PROVERS_DISAGREE');
    expect((await evidenceOf(replica)).map(({ rule }) => rule)).toContain('PROVERS_DISAGREE');
  },
);
