import type { NetworkNode } from '../network/network-node.ts';
import type { Logger } from '../observability/logger.ts';
import type { ChainIdentity } from '../protocol/genesis.ts';
import type { ExecutionEngine } from '../protocol/ports/execution.ts';
import type { PeerHead } from '../protocol/ports/network.ts';
import type { WorldState } from '../protocol/ports/state.ts';
import type { Address } from '../protocol/primitives.ts';
import type { Signer } from '../protocol/signing.ts';
import type { AttestationDesk } from '../sequencer/attestation-desk.ts';
import { needsNewEpoch, openEpoch } from '../sequencer/epoch-opener.ts';
import { judgeForeignGossip } from '../sequencer/foreign-gossip.ts';
import { refillLog } from '../sequencer/log-refill.ts';
import { replayOpenBlock } from '../sequencer/open-block-replay.ts';
import { assertTailKnown, furthestPeerHead } from '../sequencer/start-check.ts';
import { adoptTail } from '../sequencer/tail-adoption.ts';
import { type ReplayResult, replayLog } from '../state/replay-log.ts';
import type { RootsHost } from '../state/roots-host.ts';
import { StrobeError } from '../util/errors.ts';
import { loadRoots } from './load-roots.ts';
import type { ChainStorage } from './open-storage.ts';

/** Time that peers get to connect and say their heads before a sequencer starts, ms: they dial again within a second. */
const PEER_WAIT_MS = 1_500;

/** How often that time is given while nobody answers and there is no going on without peers. */
const PEER_WAITS_NEEDED = 10;

export interface EpochModules {
  readonly storage: ChainStorage;
  readonly network: NetworkNode;
  readonly desk: Pick<AttestationDesk, 'takeKept'>;
  readonly signer: Signer;
  readonly identity: ChainIdentity;
  /** Keys that may sign as sequencer. */
  readonly sequencerKeys: readonly Address[];
  readonly roots: RootsHost;
  readonly replayEngine: ExecutionEngine;
  readonly world: WorldState;
  readonly logger: Logger;
}

/**
 * Everything between recovery and the first mini-block (PROTOCOL section 6): is another instance alive, do peers know
 * more than our log, is a new epoch needed; then the open block is made ready to go on. Resolves with the epoch.
 */
export async function prepareEpoch(
  options: { readonly durability: 'sync' | 'os'; readonly signal: AbortSignal },
  modules: EpochModules,
): Promise<number> {
  const { storage, network, desk, signer, logger } = modules;
  const { chainState, log, store } = storage;
  const { unsettled } = log;
  // An import that was broken off leaves its mark in front of a chain that is the old one.
  const isImported = unsettled === 'imported' && store.base.seal !== undefined;
  await refillFromPeers(modules, options.signal);
  let replay = await replayTail(modules);
  const rival = watchForRival(modules);
  const peer = await askPeers(modules, isImported, options.signal);
  if (peer !== undefined && isFurther(peer, replay.epoch, chainState.head().number)) {
    logger.warn({ own: chainState.head().number, claimed: peer.number, epoch: peer.epoch }, 'peers know more than our log');
    // A start that no mini-block followed yet is in force, too.
    const tip = () => ({ ...chainState.head(), epoch: replay.epoch });
    const { number } = await adoptTail(tip(), peer, signer.address, {
      peers: network.peers,
      log,
      epoch: replay.epoch,
      sealedBlock: () => store.head().header.number,
      replay: async () => {
        replay = await replayTail(modules);
        return tip();
      },
      takeAttestations: (messages) => desk.takeKept(messages),
    });
    logger.warn({ miniBlock: number }, 'took over what peers could prove');
  }
  if (rival.seen) {
    throw new StrobeError('SECOND_INSTANCE', 'another process sequences with this key: refusing to start');
  }
  if (isImported) assertTailKnown({ ...chainState.head(), epoch: replay.epoch }, peer);
  await resumeOpenBlock(modules);
  const isCut = unsettled === 'cut' || unsettled === 'imported';
  const uncleanStop = unsettled !== undefined;
  const situation = { loggedEpoch: replay.epoch, isCut, uncleanStop, durability: options.durability };
  const epoch = needsNewEpoch(situation) ? await startEpoch(replay.epoch + 1, modules) : replay.epoch;
  // Only now: a start that fails before this must find again what it was to deal with.
  await log.settle();
  return epoch;
}

/** How far peers are. */
async function askPeers(
  { network, logger }: EpochModules,
  isNeeded: boolean,
  signal: AbortSignal,
): Promise<PeerHead | undefined> {
  for (let waits = 1; ; waits++) {
    const peer = await furthestPeerHead(network.peers, PEER_WAIT_MS, signal);
    signal.throwIfAborted();
    if (peer !== undefined || !isNeeded || waits === PEER_WAITS_NEEDED) return peer;
    logger.warn('waiting for a peer that knows what was published behind the imported snapshot');
  }
}

async function startEpoch(epoch: number, { storage, network, signer, identity, logger }: EpochModules): Promise<number> {
  const { chainState, log } = storage;
  const { epochStart, message } = await openEpoch(epoch, chainState.head(), { identity, signer, log });
  chainState.noteEpoch(epochStart);
  network.gossip.publish('mini-blocks', message);
  logger.info({ epoch, afterMiniBlock: chainState.head().number }, 'opened an epoch');
  return epoch;
}

/** A cut that goes through sealed blocks left the log behind the store. */
async function refillFromPeers({ storage, network, signer, identity, logger }: EpochModules, signal: AbortSignal): Promise<void> {
  const { log, store } = storage;
  const { lastMiniBlock, lastDigest, seal } = store.sealedHead();
  const stored = { epoch: seal?.epoch ?? 0, number: lastMiniBlock, digest: lastDigest };
  const logNumber = log.lastNumber();
  if (logNumber >= stored.number) return;
  logger.warn({ logNumber, storedNumber: stored.number }, 'the log ends below the stored head, asking peers for the rest');
  // Peers have to find us first.
  await furthestPeerHead(network.peers, PEER_WAIT_MS, signal);
  signal.throwIfAborted();
  const chain = { genesisHash: identity.genesisHash, sequencer: signer.address };
  await refillLog(stored, chain, { peers: network.peers, log });
}

function isFurther(peer: PeerHead, epoch: number, number: number): boolean {
  return peer.epoch > epoch || (peer.epoch === epoch && peer.number > number);
}

/** Applies the log above the stored head: diffs, no execution. */
async function replayTail({ storage, logger }: EpochModules): Promise<ReplayResult> {
  const { log, chainState, store, codec } = storage;
  const replay = await replayLog({ log, chainState, chain: store, codec });
  const { number } = chainState.head();
  logger.info({ miniBlock: number, block: store.head().header.number, replayed: replay.miniBlocks }, 'recovered the chain');
  return replay;
}

/** Looks out for heartbeats under our own key; ours are not delivered to ourselves. */
function watchForRival({ network, signer, sequencerKeys, identity, logger }: EpochModules): { readonly seen: boolean } {
  const watch = { seen: false };
  const options = { identity, sequencerKeys, self: signer.address, sinceUs: Date.now() * 1000 };
  network.gossip.subscribe(
    'mini-blocks',
    (message) => {
      const { verdict, isRival } = judgeForeignGossip(message, options);
      // Also long after the start: replicas halt as soon as the two sign one number.
      if (isRival && !watch.seen) logger.error('another process signs heartbeats with the key of this sequencer');
      watch.seen ||= isRival;
      return verdict;
    },
    () => {},
  );
  return watch;
}

/** Executes the open block once more, so that its witness can be made and the tries are where they were. */
async function resumeOpenBlock({ storage, world, replayEngine: engine, roots, logger }: EpochModules): Promise<void> {
  const { chainState, store, state, log } = storage;
  const open = chainState.openBlock();
  if (open !== undefined) await chainState.rollback(open.firstNumber - 1);
  await loadRoots(roots, state, store.head().header.stateRoot);
  world.takeAccess();
  if (open === undefined) return;
  const replayed = await replayOpenBlock({ log, chainState, world, engine, roots });
  logger.info({ block: open.env.number, miniBlocks: replayed }, 'resumed the open block');
}
