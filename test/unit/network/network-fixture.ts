import { createIdentity } from '../../../src/network/identity.ts';
import { createNetworkNode } from '../../../src/network/network-inline.ts';
import type { NetworkMetrics, PeerEvent } from '../../../src/network/network-metrics.ts';
import type { NetworkModules, NetworkNode } from '../../../src/network/network-node.ts';
import type { NetworkOptions } from '../../../src/network/network-options.ts';
import type { PeerMemory } from '../../../src/network/peer-memory.ts';
import type { ChainIdentity } from '../../../src/protocol/genesis.ts';
import type { PeerSource, SequencerService, Topic } from '../../../src/protocol/ports/network.ts';
import { ACCEPT, type Verdict } from '../../../src/protocol/verdict.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { waitFor } from '../../support/wait-for.ts';

export const IDENTITY: ChainIdentity = { chainId: 7, genesisHash: new Uint8Array(32).fill(0xab), forkId: 'prague' };
export const LOOPBACK = '/ip4/127.0.0.1/tcp/0';

/** A source at mini-block 0 that keeps nothing. */
export const EMPTY_SOURCE: PeerSource = {
  head: () => ({ epoch: 0, number: 0, digest: new Uint8Array(32) }),
  range: async function* () {},
  witness: async () => undefined,
};

export interface TestNode extends AsyncDisposable {
  readonly node: NetworkNode;
  readonly events: PeerEvent[];
  readonly metrics: {
    published: [Topic, number][];
    dropped: [Topic, number][];
    received: [Topic, number, Verdict][];
    skipped: number;
  };
  readonly address: string;
}

export interface TestNodeOptions extends Partial<NetworkOptions> {
  readonly source?: PeerSource;
  readonly sequencer?: SequencerService;
  readonly create?: (options: NetworkOptions, modules: NetworkModules) => NetworkNode;
  readonly beforeStart?: (node: NetworkNode) => void;
  readonly memory?: PeerMemory;
}

/** A started node on loopback, stopped at the end of its scope. */
export async function startNode(options: TestNodeOptions = {}): Promise<TestNode> {
  const { source, sequencer, create, beforeStart, memory, ...network } = options;
  const events: PeerEvent[] = [];
  const recorded: TestNode['metrics'] = { published: [], dropped: [], received: [], skipped: 0 };
  const metrics: NetworkMetrics = {
    recordPublished: (topic, bytes) => recorded.published.push([topic, bytes]),
    recordPublishDropped: (topic, bytes) => recorded.dropped.push([topic, bytes]),
    recordReceived: (topic, bytes, verdict) => recorded.received.push([topic, bytes, verdict]),
    recordPeerEvent: (event) => events.push(event),
    recordPendingSkipped: (count) => {
      recorded.skipped += count;
    },
  };
  const privateKey = options.privateKey ?? (await createIdentity()).privateKey;
  const node = (create ?? createNetworkNode)(
    { identity: IDENTITY, listen: [LOOPBACK], bootstrap: [], inboundConnectionsPerSecond: 1_000, ...network, privateKey },
    {
      ...{ source: source ?? EMPTY_SOURCE, metrics },
      ...(sequencer === undefined ? {} : { sequencer }),
      ...(memory === undefined ? {} : { memory }),
    },
  );
  beforeStart?.(node);
  await node.start();
  return {
    node,
    events,
    metrics: recorded,
    address: node.addresses()[0] as string,
    [Symbol.asyncDispose]: () => node.stop(),
  };
}

/** Subscribes with a validator that accepts, collecting what arrives. */
export function collect(node: NetworkNode, topic: Topic, validate: (message: Bytes) => Verdict = () => ACCEPT): Bytes[] {
  const messages: Bytes[] = [];
  node.gossip.subscribe(topic, validate, (message) => messages.push(message));
  return messages;
}

/** Publishes distinct probes until one arrives: from then on the two nodes gossip with each other. */
export async function gossipReady(from: NetworkNode, topic: Topic, received: readonly Bytes[]): Promise<void> {
  let probe = 0;
  await waitFor(
    () => {
      if (probe++ % 10 === 0) from.gossip.publish(topic, Uint8Array.of(0xff, probe >> 8, probe));
      return received.length > 0;
    },
    { what: 'a probe arrives' },
  );
}

/** Test data that does not repeat: message ids depend on it. */
export function pattern(length: number, seed: number): Bytes {
  const out = new Uint8Array(length);
  new DataView(out.buffer).setUint32(0, seed);
  for (let i = 4; i < length; i++) out[i] = (i * 31 + seed) & 0xff;
  return out;
}
