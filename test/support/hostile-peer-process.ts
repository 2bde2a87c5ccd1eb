import { setTimeout as delay } from 'node:timers/promises';
import type { Connection } from '@libp2p/interface';
import { multiaddr } from '@multiformats/multiaddr';
import { createIdentity } from '../../src/network/identity.ts';
import { createNetworkNode } from '../../src/network/network-inline.ts';
import { loadGenesisChain } from '../../src/node/genesis-chain.ts';
import { protocolPrefix } from '../../src/protocol/genesis.ts';
import type { PeerHead, SnapshotSource } from '../../src/protocol/ports/network.ts';
import { defined } from './defined.ts';
import { FALSEHOODS, type Falsehood, falsify, sourceOfFalse, takeSnapshot } from './false-snapshots.ts';
import { Forgeries } from './forgeries.ts';
import { garbageAnswers, withheldAnswers } from './hostile-answers.ts';
import type { HostilePeerOptions, Hostility } from './hostile-peer.ts';
import { HostileSender } from './hostile-sender.ts';
import { type RawHandlers, type RawLibp2p, startRawLibp2p } from './raw-libp2p.ts';
import { waitFor } from './wait-for.ts';

/** Until gossip knows who is subscribed at the other end, ms. */
const SETTLE_MS = 300;
const REDIAL_MS = 200;
const REPORT_MS = 100;
/** Connections refused under one name before it takes the next one. */
const REFUSALS_PER_NAME = 5;
/** Names that garbage is sent under. */
const MAX_NAMES = 3;
/** Within which an honest peer has an attested snapshot. */
const TAKE_TIMEOUT_MS = 25_000;

const options = JSON.parse(process.argv[2] ?? '{}') as HostilePeerOptions;
const { identity } = await loadGenesisChain(options.genesis);
const prefix = protocolPrefix(identity);
const forgeries = new Forgeries(identity);
const counts: Record<string, number> = {};
const peerIds: string[] = [];

function note(what: string): void {
  counts[what] = (counts[what] ?? 0) + 1;
}

const HANDLERS: Partial<Record<Hostility, RawHandlers>> = {
  withhold: withheldAnswers(prefix, note),
  garbage: garbageAnswers(prefix, forgeries, note),
};

async function startUnderNewName(): Promise<RawLibp2p> {
  const libp2p = await startRawLibp2p(options.listen, HANDLERS[options.hostility] ?? {});
  peerIds.unshift(libp2p.peerId.toString());
  return libp2p;
}

/** What it does while a connection lasts; false: it was shut in its face, as who is banned learns only then. */
async function act(libp2p: RawLibp2p, connection: Connection): Promise<boolean> {
  await delay(SETTLE_MS);
  if (connection.status !== 'open') return false;
  note('connected');
  const sender = new HostileSender({ libp2p, connection, prefix, forgeries, note });
  if (options.hostility === 'garbage') await sender.sendGarbage();
  if (options.hostility === 'flood') await sender.flood();
  while (connection.status === 'open') await delay(REDIAL_MS);
  note('cut off');
  return true;
}

async function attack(target: string): Promise<void> {
  const names = options.hostility === 'garbage' ? MAX_NAMES : 1;
  for (let name = 0; name < names; name++) {
    const libp2p = await startUnderNewName();
    for (let refusals = 0; refusals < REFUSALS_PER_NAME || name === names - 1; ) {
      const connection = await libp2p.dial(multiaddr(target)).catch(() => undefined);
      if (connection === undefined || !(await act(libp2p, connection))) {
        note('refused');
        refusals++;
      }
      await delay(REDIAL_MS);
    }
    await libp2p.stop();
  }
}

/** A node of ours, well-behaved but for the snapshot that it offers: the newest of an honest peer, made false. */
async function lie(falsehood: Falsehood, source: string): Promise<void> {
  const { privateKey, peerId } = await createIdentity();
  let head: PeerHead = { epoch: 0, number: 0, digest: identity.genesisHash };
  let snapshots: SnapshotSource = {
    offers: async () => ({ logFirst: undefined, snapshots: [] }),
    manifest: async () => undefined,
    chunk: async () => undefined,
  };
  const network = createNetworkNode(
    { identity, privateKey, listen: [options.listen], bootstrap: [source] },
    {
      source: {
        // Without one that is ahead nobody would want anything of it.
        head: () => head,
        range: async function* () {},
        witness: async () => undefined,
        get snapshots() {
          return snapshots;
        },
      },
    },
  );
  await network.start();
  const honest = await waitFor(() => takeSnapshot(network.snapshots), {
    timeoutMs: TAKE_TIMEOUT_MS,
    pollMs: REPORT_MS,
    what: 'an honest peer gives a snapshot',
  });
  head = honest.manifest.head;
  snapshots = sourceOfFalse(falsify(honest, falsehood, identity), note);
  peerIds.unshift(peerId);
}

// The test is gone, and with it the reason to be.
process.on('disconnect', () => process.exit());
setInterval(() => process.send?.({ peerIds, counts }), REPORT_MS);
const falsehood = FALSEHOODS.find((each) => each === options.hostility);
if (falsehood !== undefined) await lie(falsehood, defined(options.source));
else if (options.target === undefined) await startUnderNewName();
else await attack(options.target);
