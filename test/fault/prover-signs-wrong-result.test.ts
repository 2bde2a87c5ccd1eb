import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { type Attestation, attestationDigest, encodeAttestation } from '../../src/protocol/attestation.ts';
import { type Bytes, fromHex, type Hex, toHex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { ExecutedChain } from '../support/executed-chain.ts';
import { isFullRun } from '../support/fault-seed.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';
import { startListener } from '../support/listener.ts';
import { RoleProcesses, type RunningRole } from '../support/role-processes.ts';
import { evidenceOf } from '../support/signer-scene.ts';
import { testAccount, testSigner } from '../support/test-accounts.ts';

const HONEST = ['prover 0', 'prover 1'] as const;
const LIAR = 'prover 2';
/** Blocks that have to become safe after the lie. */
const BLOCKS_AFTER = 2;

test.runIf(isFullRun)(
  'one of three provers swears to another root: sequencer and replica exclude it, and the chain goes on',
  async () => {
    const chain = new ExecutedChain({ threshold: HONEST.length, provers: 3 });
    const roles = await RoleProcesses.create(chain.genesisFile);
    onTestFinished(() => roles[Symbol.asyncDispose]());
    const sequencer = await roles.sequencer('sequencer', [], testAccount('sequencer'));
    await sequencer.ready();
    const replica = await roles.replica('replica', [sequencer.peerAddress]);
    for (const name of HONEST) await roles.prover(name.replace(' ', '-'), [sequencer.peerAddress], testAccount(name));
    const network = await startListener({
      ...{ identity: chain.identity, bootstrap: [sequencer.peerAddress], topic: 'attestations' },
    });
    onTestFinished(() => network.stop());
    const nodes: readonly RunningRole[] = [sequencer, replica];
    for (const node of nodes) await node.process.until(() => isSafe(node, 1), 'block 1 is safe');

    const [honest] = await rpc<readonly AttestationJson[]>(sequencer.rpcUrl, 'strobe_attestations', ['0x1']);
    const lie = falseWord(defined(honest), chain);
    network.gossip.publish('attestations', encodeAttestation(lie));
    const liar = toHex(testAccount(LIAR).address);
    for (const node of nodes) {
      await node.process.until(async () => (await nodeInfo(node.rpcUrl)).excludedProvers?.includes(liar), 'the liar is excluded');
      expect((await nodeInfo(node.rpcUrl)).excludedProvers).toEqual([liar]);
    }
    expect(await evidenceOf(replica)).toMatchObject([{ rule: 'FALSE_SUCCESS', messages: [toHex(encodeAttestation(lie))] }]);
    const kept = JSON.parse(await readFile(join(sequencer.dataDir, 'excluded-provers.json'), 'utf8')) as object;
    expect(kept).toMatchObject({ exclusions: [{ prover: liar, attestation: toHex(encodeAttestation(lie)) }] });
    const head = Number((await nodeInfo(sequencer.rpcUrl)).head.number);
    for (const node of nodes) await node.process.until(() => isSafe(node, head + BLOCKS_AFTER), 'safe goes on');
    const safe = await rpc<{ hash: Hex }>(replica.rpcUrl, 'eth_getBlockByNumber', [`0x${head.toString(16)}`, false]);
    expect(await rpc(sequencer.rpcUrl, 'eth_getBlockByNumber', [`0x${head.toString(16)}`, false])).toMatchObject({
      hash: safe.hash,
    });
  },
);

const isSafe = async ({ rpcUrl }: RunningRole, block: number): Promise<boolean> => {
  const info = await nodeInfo(rpcUrl).catch(() => undefined);
  return Number(info?.safe ?? 0) >= block;
};

type AttestationJson = { readonly [Field in keyof Attestation]: Hex };

/** What the liar signs in place of an honest prover's word. */
function falseWord(honest: AttestationJson, { identity }: ExecutedChain): Attestation {
  const hash = (field: keyof Attestation): Bytes => fromHex(honest[field]);
  const unsigned = {
    ...{ proofType: Number(honest.proofType), blockNumber: Number(honest.blockNumber), success: true },
    ...{ blockHash: hash('blockHash'), preStateRoot: hash('preStateRoot'), stateDiffDigest: hash('stateDiffDigest') },
    ...{ receiptsRoot: hash('receiptsRoot'), lastMiniBlockDigest: hash('lastMiniBlockDigest') },
    postStateRoot: new Uint8Array(32).fill(0xee),
  };
  return { ...unsigned, signature: testSigner(LIAR).sign(attestationDigest(unsigned, identity)) };
}
