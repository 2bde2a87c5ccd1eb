/**
 * What the trie of a replica with `--trie` costs its core thread: `node test/perf/proof-trie.ts [--keys 1000000] [--writes 20000] [--blocks 30]`.
 * Half of the keys are accounts, half are slots of one contract. Printed are how long loading took and the longest time
 * for which the core thread could do nothing else, then the same while blocks of `--writes` changed accounts follow.
 */
import { parseArgs } from 'node:util';
import type { BlockHeader } from '../../src/protocol/block-header.ts';
import type { ChainEvent } from '../../src/protocol/ports/chain.ts';
import { EMPTY_CODE_HASH } from '../../src/protocol/primitives.ts';
import { createStateDiff, type SlotDiff, sortSlots } from '../../src/protocol/state-diff.ts';
import { NetDiffThread } from '../../src/state/net-diff-thread.ts';
import { startProofTrieThread } from '../../src/state/proof-trie.ts';
import { ProofTrieFeed } from '../../src/state/proof-trie-feed.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { type Bytes, bigIntToBytes32 } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { ChainBuilder } from '../support/chain-builder.ts';
import { percentile } from './percentiles.ts';

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '1000000' },
    writes: { type: 'string', default: '20000' },
    blocks: { type: 'string', default: '30' },
  },
});
const [keys, writes, blocks] = [values.keys, values.writes, values.blocks].map(Number) as [number, number, number];
const half = keys / 2;
const PIECE = 10_000;

const address = (index: number): Bytes => keccak256(bigIntToBytes32(BigInt(index))).slice(0, 20);
const CONTRACT = address(-1 >>> 0);
const slot = (index: number): SlotDiff => ({ key: bigIntToBytes32(BigInt(index)), value: bigIntToBytes32(1n) });

/** The longest time between two turns of the event loop, ms. */
class Stalls {
  longestMs = 0;
  #lastMs = performance.now();
  #timer: NodeJS.Immediate | undefined;

  begin(): void {
    this.longestMs = 0;
    this.#lastMs = performance.now();
    const turn = (): void => {
      const now = performance.now();
      this.longestMs = Math.max(this.longestMs, now - this.#lastMs);
      this.#lastMs = now;
      this.#timer = setImmediate(turn);
    };
    this.#timer = setImmediate(turn);
  }

  end(): number {
    clearImmediate(this.#timer);
    return Math.max(this.longestMs, performance.now() - this.#lastMs);
  }
}

const builder = new ChainBuilder();
const emptyBlock = {
  header: builder.genesisHeader,
  hash: builder.genesisHash,
  transactions: [],
  sizeBytes: 0,
  firstMiniBlock: 0,
  lastMiniBlock: 0,
};
const state = new StateTable();
state.apply(createStateDiff([{ address: CONTRACT, nonce: 1n, balance: 0n, codeHash: EMPTY_CODE_HASH }], []), 0);
for (let at = 0, number = 1; at < half; at += PIECE, number++) {
  const indexes = Array.from({ length: PIECE }, (_, i) => at + i);
  const accounts = indexes.map((index) => ({ address: address(index), nonce: 1n, balance: 10n ** 18n }));
  state.apply(createStateDiff([...accounts, { address: CONTRACT, slots: sortSlots(indexes.map(slot)) }], []), number);
}
state.release(state.number);

/** The end of block `number`; its state root is nobody's. */
const headerOf = (number: number): BlockHeader => ({ ...builder.genesisHeader, number });
const subscribers = new Set<(event: ChainEvent) => void>();
const chain: ConstructorParameters<typeof ProofTrieFeed>[0]['chain'] = {
  head: () => ({ header: headerOf(0), hash: builder.genesisHash }),
  safeNumber: () => undefined,
  sealOf: async () => undefined,
  blockByNumber: async () => ({ ...emptyBlock, lastMiniBlock: state.number }),
  subscribe: (subscriber) => {
    subscribers.add(subscriber);
    return () => subscribers.delete(subscriber);
  },
};
const thread = startProofTrieThread({ blocks: 128 });
let ended: PromiseWithResolvers<void> | undefined;
const host: typeof thread = {
  ...thread,
  endBlock: async () => {
    const root = await thread.endBlock();
    ended?.resolve();
    return root;
  },
};
const netDiffs = new NetDiffThread(state);
const logger = { error: () => {}, info: () => {} };
const load = () => host.load(state.share());
const feed = new ProofTrieFeed({ host, load, state, netDiffs, chain, logger });
const stalls = new Stalls();
stalls.begin();
const startedMs = performance.now();
await feed.start();
console.log(
  `loading ${keys} keys: ${((performance.now() - startedMs) / 1_000).toFixed(2)} s, core held for ${stalls.end().toFixed(0)} ms at most`,
);

const held: number[] = [];
for (let block = 1; block <= blocks; block++) {
  const first = (block * writes) % half;
  const accounts = Array.from({ length: writes }, (_, i) => ({ address: address((first + i) % half), nonce: BigInt(block + 1) }));
  state.apply(createStateDiff(accounts, []), state.number + 1);
  await new Promise((resolve) => setImmediate(resolve));
  stalls.begin();
  ended = Promise.withResolvers();
  const sealed = { ...emptyBlock, header: headerOf(block), lastMiniBlock: state.number };
  for (const subscriber of subscribers) subscriber({ kind: 'block', block: sealed, miniBlockCount: 1 });
  await ended.promise;
  held.push(stalls.end());
}
console.log(
  `blocks of ${writes} changed accounts: core held for p50 ${percentile(held, 50).toFixed(1)} ms, p99 ${percentile(held, 99).toFixed(1)} ms`,
);
feed.stop();
await thread.stop();
await netDiffs.stop();
