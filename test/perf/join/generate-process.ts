import { rmSync } from 'node:fs';
import { join } from 'node:path';
import type { BlockHeader } from '../../../src/protocol/block-header.ts';
import { genesisHeader, parseGenesis } from '../../../src/protocol/genesis.ts';
import { decodeSequencerMessage } from '../../../src/protocol/log-record.ts';
import type { MiniBlock } from '../../../src/protocol/mini-block.ts';
import type { BlockSeal, EpochStart } from '../../../src/protocol/sequencer-messages.ts';
import type { StateDiff } from '../../../src/protocol/state-diff.ts';
import { SnapshotStore } from '../../../src/store/snapshot/snapshot-store.ts';
import { type Bytes, EMPTY_BYTES } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { defined } from '../../support/defined.ts';
import { SyntheticLoad } from '../../support/synthetic-load.ts';
import { StreamBuilder } from '../replica-stream/stream-builder.ts';
import { StreamWriter } from '../replica-stream/stream-file.ts';
import { StreamState } from '../replica-stream/stream-state.ts';
import { chainFlags, type JoinBenchOptions, parseJoinOptions } from './join-options.ts';

// Makes a chain with a snapshot of one of its last blocks, and ends: what that takes does not touch the measurement.

/** Diffs of the set-up in a block. */
const SETUP_MINI_BLOCKS_PER_BLOCK = 5;
/** Nodes write snapshots of blocks with such numbers. */
const SNAPSHOT_STEP = 16;
/** More than BLOCKHASH needs. */
const KEPT_HEADERS = 512;

/** The chain as it grows: its messages go to a file, and what a snapshot needs of them is kept. */
class GrowingChain {
  readonly builder: StreamBuilder;
  readonly state: StreamState;
  readonly writer: StreamWriter;
  readonly genesis = new ChainBuilder({ accounts: 1, name: 'join' });
  readonly #headers: BlockHeader[];
  #epochStart: EpochStart | undefined;
  #last: MiniBlock | undefined;
  #seal: BlockSeal | undefined;
  miniBlocks = 0;
  messageBytes = 0;

  constructor(folder: string) {
    const { genesisFile, sequencer } = this.genesis;
    const genesis = parseGenesis(genesisFile);
    this.state = new StreamState(genesis.allocation, { keepsRoots: true });
    this.#headers = [genesisHeader(genesis, this.state.root)];
    this.builder = new StreamBuilder(genesis, { state: this.state, signer: sequencer });
    this.writer = new StreamWriter(folder);
    this.#add(this.builder.epochStart());
  }

  get blocks(): number {
    return this.#seal?.header.number ?? 0;
  }

  miniBlock(diff: StateDiff): void {
    this.#add(this.builder.miniBlock(diff).message);
    this.miniBlocks++;
  }

  seal(): void {
    this.#add(this.builder.seal());
  }

  #add(message: Bytes): void {
    this.writer.add(message);
    this.messageBytes += message.length;
    const decoded = decodeSequencerMessage(message);
    if (decoded.kind === 'epochStart') this.#epochStart = decoded.epochStart;
    if (decoded.kind === 'miniBlock') this.#last = decoded.miniBlock;
    if (decoded.kind !== 'blockSeal') return;
    this.#seal = decoded.blockSeal;
    this.#headers.push(decoded.blockSeal.header);
    if (this.#headers.length > KEPT_HEADERS) this.#headers.shift();
  }

  /** Writes the snapshot of the block that was sealed last. */
  async writeSnapshot(directory: string): Promise<void> {
    rmSync(directory, { recursive: true, force: true });
    const last = defined(this.#last);
    const { genesisHash, chainId } = this.builder.identity;
    const { epoch, number, timestampUs } = last.envelope;
    const store = await SnapshotStore.open({ directory, genesisHash });
    const point = {
      ...{ genesisHash, chainId, last, seal: defined(this.#seal), headers: this.#headers },
      head: { epoch, number, digest: last.digest, timestampUs },
      epochStarts: [defined(this.#epochStart)],
    };
    await store.write(point, this.state.snapshot(number));
  }
}

async function generate(options: JoinBenchOptions): Promise<void> {
  const { folder, keys, blocks, tail, miniBlocksPerBlock, transactionsPerMiniBlock: transactions, seed } = options;
  const chain = new GrowingChain(folder);
  // Each holder is an account and a slot of the token.
  const load = new SyntheticLoad({ kind: 'erc20', holders: Math.ceil(keys / 2), transactions, choice: 'zipf', seed });
  for (const diff of load.setup()) {
    chain.miniBlock(diff);
    if (chain.builder.openMiniBlocks === SETUP_MINI_BLOCKS_PER_BLOCK) chain.seal();
  }
  if (chain.builder.openMiniBlocks > 0) chain.seal();
  const lastSetUp = chain.miniBlocks;
  const snapshotBlock = Math.floor((blocks - tail) / SNAPSHOT_STEP) * SNAPSHOT_STEP;
  while (chain.blocks < blocks) {
    for (let i = 0; i < miniBlocksPerBlock; i++) chain.miniBlock(load.next());
    chain.seal();
    if (chain.blocks === snapshotBlock) await chain.writeSnapshot(join(folder, 'snapshots'));
  }
  chain.writer.finish({
    flags: chainFlags(options),
    genesis: chain.genesis.genesisFile,
    ...{ lastSetUp, lastMiniBlock: chain.miniBlocks, messageBytes: chain.messageBytes },
    ...{ transactions: (chain.miniBlocks - lastSetUp) * transactions, diffBytes: EMPTY_BYTES.length },
  });
}

await generate(parseJoinOptions(process.argv.slice(2)));
