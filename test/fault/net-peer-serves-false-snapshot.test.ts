import { expect } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { defined } from '../support/defined.ts';
import { changeConfig } from '../support/devnet-config.ts';
import { FALSEHOODS, type Falsehood } from '../support/false-snapshots.ts';
import { sampled } from '../support/fault-seed.ts';
import type { HostilePeer } from '../support/hostile-peer.ts';
import { nodeInfo, rpc, rpcBatch } from '../support/json-rpc.ts';
import type { LabScene } from '../support/lab-scene.ts';
import { labTest } from '../support/lab-test.ts';

const FOUND_TIMEOUT_MS = 30_000;
/** A snapshot that was begun and that nobody has any more is given up after half a minute. */
const JOIN_TIMEOUT_MS = 90_000;
const NEW = 'replica-1';

/** By what the replica names the offence; undefined: what is not attested is not even asked for, and breaks no rule. */
const OFFENCES: Readonly<Record<Falsehood, string | undefined>> = {
  'false-state': 'FALSE_SNAPSHOT',
  'false-manifest': 'FALSE_MANIFEST',
  'false-chunks': 'FALSE_CHUNK',
  'unattested-state': undefined,
};

const options = {
  replicas: 1,
  late: [NEW],
  prepare: async ({ devnet }: LabScene) => {
    await changeConfig(devnet, 'sequencer', { storage: { snapshotBlocks: 1 } });
    await changeConfig(devnet, NEW, { sync: { snapshotGapBlocks: 1 } });
  },
};

for (const falsehood of sampled(FALSEHOODS)) {
  labTest(
    options,
    `a peer with a false snapshot (${falsehood}) is found out, and a new replica comes to the honest chain`,
    (scene) => joinBesideLiar(scene, falsehood),
  );
}

/** At first the replica meets nobody but the liar. */
async function joinBesideLiar(scene: LabScene, falsehood: Falsehood): Promise<void> {
  const { devnet, network } = scene;
  const url = devnet.rpcUrl(NEW);
  const liar = await scene.addHostile('liar', falsehood);
  await changeConfig(devnet, NEW, { p2p: { bootstrap: [liar.address, network.peerAddress('sequencer')] } });
  const cable = network.machine('sequencer');
  cable.setCable(false);
  devnet.launch(NEW);
  await devnet.process(NEW).until(() => nodeInfo(url).catch(() => undefined), 'JSON-RPC is up');
  await devnet.process(NEW).until(() => isFoundOut(scene, liar, falsehood), 'the liar is found out', FOUND_TIMEOUT_MS);
  expect(await nodeInfo(url)).toMatchObject({ state: 'bootstrapping', isReady: false, miniBlock: 0, safe: null });
  expect(await balancesAt(scene, NEW, 'latest')).toEqual(await balancesAt(scene, 'sequencer', '0x0'));

  cable.setCable(true);
  await devnet.ready(NEW, JOIN_TIMEOUT_MS);
  // It took the honest snapshot, or blocks from the first one on, whichever came first.
  const { oldestBlock } = (await nodeInfo(url)) as unknown as { readonly oldestBlock: Hex };
  await scene.expectSound(Number(oldestBlock));
  const safe = await rpc<{ number: Hex }>(url, 'eth_getBlockByNumber', ['safe', false]);
  expect(await balancesAt(scene, NEW, safe.number)).toEqual(await balancesAt(scene, 'sequencer', safe.number));
}

/** The liar offered something, and nothing of it was believed. */
async function isFoundOut(scene: LabScene, liar: HostilePeer, falsehood: Falsehood): Promise<boolean> {
  const { devnet } = scene;
  const { counts, peerIds } = liar.report;
  const offence = OFFENCES[falsehood];
  if (offence === undefined) {
    expect(counts).not.toHaveProperty('manifest');
    return ((await nodeInfo(devnet.rpcUrl(NEW))).reason ?? '').includes('none of the 1 snapshots on offer');
  }
  if ((await devnet.metric(NEW, 'strobe_peer_offences_total', `code="${offence}"`)) === 0) return false;
  // It tells now and then what it was asked for.
  const asked = falsehood === 'false-manifest' ? 'manifest' : 'chunk';
  if (counts[asked] === undefined) return false;
  expect(counts['chunk'] === undefined).toBe(falsehood === 'false-manifest');
  const standing = defined(await scene.standingOf(NEW, peerIds[0]));
  expect(standing.offences).toBeGreaterThan(0);
  expect(standing.score).toBeLessThan(0);
  return true;
}

function balancesAt({ devnet }: LabScene, name: string, block: Hex | 'latest'): Promise<Hex[]> {
  return rpcBatch(
    devnet.rpcUrl(name),
    'eth_getBalance',
    devnet.accounts.map(({ address }) => [address, block]),
  );
}
