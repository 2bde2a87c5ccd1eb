import { createIdentity } from '../../src/network/identity.ts';
import { createNetworkNode } from '../../src/network/network-inline.ts';
import type { PeerEvent } from '../../src/network/network-metrics.ts';
import type { NetworkNode } from '../../src/network/network-node.ts';
import type { ChainIdentity } from '../../src/protocol/genesis.ts';
import type { Topic } from '../../src/protocol/ports/network.ts';
import { ignore } from '../../src/protocol/verdict.ts';
import { waitFor } from './wait-for.ts';

export interface ListenerOptions {
  readonly identity: ChainIdentity;
  readonly bootstrap: readonly string[];
  /** Where it may publish: who is on no topic is sent nothing, and sends nothing. */
  readonly topic: Topic;
  readonly onPeerEvent?: (event: PeerEvent) => void;
}

/** A connected peer that has nothing, follows nothing, and publishes what a test says. */
export async function startListener({
  identity,
  bootstrap,
  topic,
  onPeerEvent = () => {},
}: ListenerOptions): Promise<NetworkNode> {
  const { privateKey } = await createIdentity();
  const source = {
    head: () => ({ epoch: 0, number: 0, digest: identity.genesisHash }),
    range: async function* () {},
    witness: async () => undefined,
  };
  const network = createNetworkNode({ identity, privateKey, listen: [], bootstrap }, { source, onPeerEvent });
  network.gossip.subscribe(
    topic,
    () => ignore('NOT_INTERESTED'),
    () => {},
  );
  await network.start();
  await waitFor(() => network.peerCount() > 0, { timeoutMs: 10_000, what: 'connected' });
  return network;
}
