import { join } from 'node:path';
import { afterEach, beforeAll } from 'vitest';
import { decodeAttestation } from '../../../src/protocol/attestation.ts';
import { chainRules } from '../../../src/prover-stub/block-job.ts';
import { ProgressFile } from '../../../src/prover-stub/progress-file.ts';
import { createReexecutionMaker } from '../../../src/prover-stub/proof-makers.ts';
import { Prover } from '../../../src/prover-stub/prover.ts';
import type { ProverLimits } from '../../../src/prover-stub/prover-options.ts';
import { ALL_BLOCKS, type ProverShare } from '../../../src/prover-stub/prover-share.ts';
import { createInlineReexecution, type ReexecutionHost } from '../../../src/prover-stub/reexecution-host.ts';
import { type ExecutedBlock, ExecutedChain } from '../../support/executed-chain.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { type TestAccount, testSigner } from '../../support/test-accounts.ts';
import { chunkMessages, FakeNetwork, miniBlockMessages, sealMessage } from './fake-network.ts';

// A prover on a chain that was executed for real, with a network of the test's own.

const LIMITS: Partial<ProverLimits> = {
  gossipGraceMs: 10,
  backoffMinMs: 1,
  backoffMaxMs: 5,
  pollMs: 50,
  republishIntervalMs: 60_000,
};

/** Five blocks of transfers. */
export const chain = new ExecutedChain({ accounts: 2 });
export const blocks: ExecutedBlock[] = [];
export const signer = testSigner('prover 0');

/** A block of transfers; the same for the same chain and `value`. */
export async function transferBlock(on: ExecutedChain, value: bigint): Promise<ExecutedBlock> {
  const [alice, bob] = on.accounts as [TestAccount, TestAccount];
  return on.block([{ from: alice, to: bob.address, value }], [{ from: bob, to: alice.address, value }], []);
}

beforeAll(async () => {
  for (let i = 1n; i <= 5n; i++) blocks.push(await transferBlock(chain, i));
});

/** Called behind each test. */
export const stops: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const stop of stops.splice(0)) await stop();
});

interface ProverSetup {
  readonly network?: FakeNetwork;
  readonly path?: string;
  readonly host?: ReexecutionHost;
  readonly limits?: Partial<ProverLimits>;
  readonly share?: ProverShare;
}

export async function startProver(setup: ProverSetup = {}) {
  const network = setup.network ?? new FakeNetwork();
  const path = setup.path ?? join(tempDirectory(), 'progress.json');
  const proved: number[] = [];
  const unprovable: string[] = [];
  const skipped: number[] = [];
  const quiet = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {} };
  const prover = new Prover(
    {
      ...{ identity: chain.identity, genesis: chain.genesis, prover: signer.address, share: setup.share ?? ALL_BLOCKS },
      ...{ ...LIMITS, ...setup.limits },
    },
    {
      gossip: network,
      peers: network,
      offers: network,
      maker: createReexecutionMaker(
        { identity: chain.identity, signer },
        setup.host ?? createInlineReexecution(chainRules(chain.genesis, chain.identity)),
      ),
      progress: new ProgressFile(path),
      logger: quiet,
      metrics: {
        recordBlockProved: ({ blockNumber }) => proved.push(blockNumber),
        recordLag: () => {},
        recordSkipped: () => skipped.push(1),
        recordUnprovable: (code) => unprovable.push(code),
      },
    },
  );
  await prover.start();
  const running = prover.run();
  stops.push(() => prover.stop());
  return { prover, running, network, path, proved, unprovable, skipped };
}

export function attestations(network: FakeNetwork) {
  return network.published.filter(({ topic }) => topic === 'attestations').map(({ message }) => decodeAttestation(message));
}

export function gossip(network: FakeNetwork, block: ExecutedBlock): void {
  for (const message of miniBlockMessages(block)) network.deliver('mini-blocks', message);
  for (const message of chunkMessages(block)) network.deliver('witnesses', message);
  network.deliver('seals', sealMessage(block));
}
