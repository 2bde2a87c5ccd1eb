import { createLogger } from '../../src/observability/logger.ts';
import { createMetrics } from '../../src/observability/metrics.ts';
import type { RpcBackend } from '../../src/protocol/ports/chain.ts';
import { createRpcServer, type RpcServer } from '../../src/rpc/server.ts';
import { BlockReceiptProver } from '../../src/state/block-receipt-prover.ts';
import { createInlineProofTrie } from '../../src/state/proof-trie.ts';
import { createInlineReceiptTries } from '../../src/state/receipt-tries-host.ts';
import { SlicedProver } from '../../src/state/sliced-prover.ts';
import { toHex } from '../../src/util/bytes.ts';
import type { VerifiedTransportOptions } from '../../src/verified/options.ts';
import { proofTrieFeed } from './proof-trie-of.ts';
import { type FixtureBlock, ReplicaFixture } from './replica-fixture.ts';
import { ReplicaHarness } from './replica-harness.ts';

/** Changes an answer of the node; what it is given is the true one. */
// biome-ignore lint/suspicious/noExplicitAny: tests change answers of every shape
export type Lie = (method: string, answer: any, params: readonly any[]) => unknown;

const silent = { error: () => {}, info: () => {} };

/** A replica with a state trie that serves JSON-RPC over a chain of fixtures, and what a client must know of that chain. */
export class VerifiedChain {
  readonly fixture = new ReplicaFixture();
  replica!: ReplicaHarness;
  /** Methods that the node was asked for. */
  readonly asked: string[] = [];
  lie: Lie | undefined;
  #server!: RpcServer;
  #url = '';

  async start(): Promise<this> {
    this.replica = await ReplicaHarness.start(this.fixture);
    const host = createInlineProofTrie({ blocks: 16 });
    await proofTrieFeed(host, this.replica.state, { chain: this.replica.store, logger: silent }).start();
    const backend = {
      state: this.replica.state,
      stateAt: (blockNumber: number) => this.replica.state.at(this.fixture.blocks[blockNumber - 1]?.seal.lastNumber ?? 0),
      stateHistory: { oldestState: () => 0 },
      chain: this.replica.store,
      stateProofs: new SlicedProver((request) => host.prove(request)),
      receiptProofs: new BlockReceiptProver(createInlineReceiptTries()),
      node: {
        role: 'replica',
        version: 'test',
        describe: async () => ({}),
        syncing: async () => undefined,
        peerCount: async () => 0,
      },
      transactions: { submit: async () => new Uint8Array(32).fill(9), pendingNonce: async () => 77n },
    } as unknown as RpcBackend;
    const logger = createLogger({ level: 'silent', format: 'json' });
    const options = { host: '127.0.0.1', port: 0, baseFeeFloorWei: 1n };
    this.#server = createRpcServer(options, { backend, logger, metrics: createMetrics() });
    const { port } = await this.#server.start();
    this.#url = `http://127.0.0.1:${port}`;
    return this;
  }

  async stop(): Promise<void> {
    await this.#server.stop();
    await this.replica.stop();
  }

  /** Publishes what the fixture has, and waits until the block is the head. */
  async publish(block: FixtureBlock): Promise<void> {
    this.replica.deliverAll();
    await this.replica.blockIs(block.seal.header.number);
  }

  /** Publishes with the attestations of two of the three provers. */
  async publishSafe(block: FixtureBlock): Promise<void> {
    this.fixture.attest(block);
    await this.publish(block);
    await this.replica.safeIs(block.seal.header.number);
  }

  get options(): VerifiedTransportOptions {
    const { identity, provers } = this.fixture;
    return {
      genesisHash: toHex(identity.genesisHash),
      chainId: identity.chainId,
      provers: provers.map(({ address }) => toHex(address)),
      threshold: 2,
      refreshMs: 0,
      nowMs: () => this.fixture.nowUs() / 1_000,
    };
  }

  /** The node as an EIP-1193 provider, with its lies. */
  readonly provider = {
    request: async ({ method, params = [] }: { method: string; params?: readonly unknown[] }): Promise<unknown> => {
      this.asked.push(method);
      const body = JSON.stringify({ jsonrpc: '2.0', id: 1, method, params });
      const response = await fetch(this.#url, { method: 'POST', body, headers: { 'content-type': 'application/json' } });
      const { result, error } = (await response.json()) as { result?: unknown; error?: { code: number; message: string } };
      if (error !== undefined) throw Object.assign(new TypeError(error.message), { code: error.code });
      return this.lie === undefined ? result : this.lie(method, result, params);
    },
  };
}
