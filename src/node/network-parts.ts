import { join } from 'node:path';
import { loadIdentity } from '../network/identity.ts';
import type { NetworkMetrics, PeerEvent } from '../network/network-metrics.ts';
import type { NetworkModules, NetworkNode } from '../network/network-node.ts';
import { createThreadedNetworkNode } from '../network/network-thread.ts';
import type { Logger } from '../observability/logger.ts';
import type { Metrics } from '../observability/metrics.ts';
import type { ChainIdentity } from '../protocol/genesis.ts';

export interface NetworkSettings {
  readonly dataDir: string;
  readonly p2pListen: readonly string[];
  readonly bootstrap: readonly string[];
}

/** Builds a node's network on a thread of its own, with its identity from the data directory. */
export async function createNetwork(
  settings: NetworkSettings,
  identity: ChainIdentity,
  modules: Omit<NetworkModules, 'metrics' | 'onPeerEvent'> & { readonly metrics: Metrics; readonly logger: Logger },
): Promise<NetworkNode> {
  const { metrics, logger, ...served } = modules;
  const { privateKey } = await loadIdentity(join(settings.dataDir, 'network.key'));
  return createThreadedNetworkNode(
    { identity, privateKey, listen: settings.p2pListen, bootstrap: settings.bootstrap },
    { ...served, metrics: createNetworkMetrics(metrics), onPeerEvent: (event) => logPeerEvent(logger, event) },
  );
}

function createNetworkMetrics(metrics: Metrics): NetworkMetrics {
  const published = metrics.counter({
    name: 'gossip_published_bytes_total',
    help: 'Bytes of messages published by gossip, counted once whatever the number of peers',
    labelNames: ['topic'],
  });
  const messages = metrics.counter({
    name: 'gossip_published_messages_total',
    help: 'Messages published by gossip',
    labelNames: ['topic'],
  });
  const dropped = metrics.counter({
    name: 'gossip_dropped_bytes_total',
    help: 'Bytes of messages not published because the network was down or too far behind',
    labelNames: ['topic'],
  });
  const received = metrics.counter({
    name: 'gossip_received_bytes_total',
    help: 'Bytes of gossip messages received, by verdict of their check',
    labelNames: ['topic', 'verdict'],
  });
  const skipped = metrics.counter({
    name: 'pending_transactions_skipped_total',
    help: 'New transactions of the pool that a replica wanted to see and did not, as there was no room on the way',
  });
  const peers = metrics.gauge({ name: 'peers', help: 'Connected peers' });
  const offences = metrics.counter({ name: 'peer_offences_total', help: 'Offences of peers, by code', labelNames: ['code'] });
  const failures = metrics.counter({
    name: 'peer_failures_total',
    help: 'Requests that a peer did not answer, or not usefully, by code',
    labelNames: ['code'],
  });
  const drops = metrics.counter({ name: 'peer_drops_total', help: 'Peers that were disconnected without a ban' });
  const bans = metrics.counter({
    name: 'peer_bans_total',
    help: 'Peers that were banned, by their last offence',
    labelNames: ['code'],
  });
  return {
    recordPublished: (topic, bytes) => {
      published.inc({ topic }, bytes);
      messages.inc({ topic });
    },
    recordPublishDropped: (topic, bytes) => dropped.inc({ topic }, bytes),
    recordReceived: (topic, bytes, verdict) => received.inc({ topic, verdict: verdict.kind }, bytes),
    recordPendingSkipped: (count) => skipped.inc(count),
    recordPeerEvent: (event) => {
      if (event.kind === 'connected' || event.kind === 'disconnected') peers.set(event.peers);
      if (event.kind === 'failure') failures.inc({ code: event.code });
      if (event.kind === 'dropped') drops.inc();
      if (event.kind !== 'offence') return;
      offences.inc({ code: event.code });
      if (event.banned) bans.inc({ code: event.code });
    },
  };
}

function logPeerEvent(logger: Logger, event: PeerEvent): void {
  if (event.kind === 'offence' && event.banned) logger.warn({ ...event }, 'banned a peer');
  else if (event.kind === 'offence') logger.warn({ ...event }, 'a peer offended');
  else if (event.kind === 'dropped') logger.warn({ ...event }, 'dropped a peer');
  else if (event.kind === 'sequencerLink')
    logger.info({ up: event.up }, event.up ? 'linked to the sequencer' : 'lost the link to the sequencer');
  else if (event.kind === 'failure') logger.debug({ ...event }, 'a peer was of no use');
  else if (event.kind === 'dialFailed') logger.debug({ ...event }, 'could not reach a peer');
  else logger.debug({ ...event }, `peer ${event.kind}`);
}
