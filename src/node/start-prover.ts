import { join } from 'node:path';
import { assertKeySafe } from '../crypto/well-known-keys.ts';
import { createMetrics } from '../observability/metrics.ts';
import type { PeerSource } from '../protocol/ports/network.ts';
import { createSigner } from '../protocol/signing.ts';
import { chainRules } from '../prover-stub/block-job.ts';
import { ProgressFile } from '../prover-stub/progress-file.ts';
import { PROOF_MAKERS } from '../prover-stub/proof-makers.ts';
import { Prover } from '../prover-stub/prover.ts';
import { createProverMetrics } from '../prover-stub/prover-metrics.ts';
import { ALL_BLOCKS, isSharePossible, type ProverShare } from '../prover-stub/prover-share.ts';
import { bytesEqual, toHex } from '../util/bytes.ts';
import { configError } from './config-error.ts';
import { loadGenesisChain } from './genesis-chain.ts';
import { Lifecycle } from './lifecycle.ts';
import { createNetwork } from './network-parts.ts';
import { startObservability } from './observability-parts.ts';
import type { NodeContext, RunningNode } from './running-node.ts';
import type { ProverSettings } from './settings.ts';
import { loadNodeKey } from './settings-password.ts';

/** Wires a prover: key, network, re-execution in a thread of its own. It keeps no chain. */
export async function startProver(settings: ProverSettings, context: NodeContext): Promise<RunningNode> {
  const life = new Lifecycle(context.logger);
  try {
    await wireProver(settings, context, life);
    return life.node();
  } catch (error) {
    return life.fail(error);
  }
}

async function wireProver(settings: ProverSettings, { logger }: NodeContext, life: Lifecycle): Promise<void> {
  const { genesis, identity } = await loadGenesisChain(settings.genesis);
  const { address, privateKey } = await loadNodeKey(settings);
  assertKeySafe(address, [settings.metricsHost, ...settings.p2pListen]);
  if (!genesis.provers.some((prover) => bytesEqual(prover, address))) {
    throw configError([`the key ${toHex(address)} is not one of strobe.provers in ${settings.genesis}`]);
  }
  const share = shareOf(settings);
  if (!isSharePossible(share, genesis)) {
    throw configError([`each block needs all ${genesis.provers.length} provers, so this one cannot prove a share of them only`]);
  }
  const metrics = createMetrics();
  const started: { prover?: Prover } = {};
  const readiness = () => started.prover?.ready() ?? { ready: false, reason: 'STARTING' };
  await startObservability(settings, { metrics, logger, life, readiness });

  const network = await createNetwork(settings, identity, {
    source: emptySource(identity.genesisHash),
    metrics,
    logger: logger.child({ component: 'network' }),
  });
  const signer = createSigner(address, privateKey);
  const maker = PROOF_MAKERS[settings.proofType]({ identity, rules: chainRules(genesis, identity), signer });
  life.onStop('proof maker', () => maker.stop());
  life.watch(maker.failed);
  const prover = new Prover(
    { genesis, identity, prover: address, share },
    {
      ...{ gossip: network.gossip, peers: network.peers, offers: network.snapshots, maker, logger },
      progress: new ProgressFile(join(settings.dataDir, 'progress.json')),
      metrics: createProverMetrics(metrics),
    },
  );
  await prover.start();
  started.prover = prover;
  await network.start();
  life.onStop('network', () => network.stop());
  life.watch(network.failed);
  life.watch(prover.run());
  life.onStop('prover', () => prover.stop());
  logger.info({ prover: toHex(address), peers: network.addresses(), share }, 'proving');
}

function shareOf({ shareIndex: index, shareOf: of }: ProverSettings): ProverShare {
  if (index === undefined && of === undefined) return ALL_BLOCKS;
  if (index !== undefined && of !== undefined && index < of) return { index, of };
  throw configError(['a share needs both share.index and share.of, the index counting from 0 and below the other']);
}

/** A prover keeps nothing that others could read. */
function emptySource(genesisHash: Uint8Array): PeerSource {
  return {
    head: () => ({ epoch: 0, number: 0, digest: genesisHash }),
    range: async function* () {},
    witness: async () => undefined,
  };
}
