import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EpochStart } from '../../src/protocol/sequencer-messages.ts';
import { StateTable } from '../../src/state/table/state-table.ts';
import { withSnapshotFile } from '../../src/store/snapshot/snapshot-file.ts';
import { copySnapshot, SnapshotStore } from '../../src/store/snapshot/snapshot-store.ts';
import type { SnapshotPoint } from '../../src/store/snapshot/snapshot-types.ts';
import type { ChainBuilder } from './chain-builder.ts';
import { defined } from './defined.ts';
import { tempDirectory } from './temp-directory.ts';

export interface ChainSnapshotOptions {
  /** The block that it is of; the newest one unless it says otherwise. */
  readonly block?: number;
  /** Epochs that opened up to there. */
  readonly epochStarts?: readonly EpochStart[];
  /** Does something wrong to what the snapshot says. */
  readonly alter?: (point: SnapshotPoint) => SnapshotPoint;
  /** The state that it holds in place of the block's own. */
  readonly stateOf?: ChainBuilder;
  /** About how long a chunk is. */
  readonly chunkBytes?: number;
}

/** Writes a snapshot of a built chain into the directory of a snapshot store, as a node does. @returns its path */
export async function writeChainSnapshot(
  builder: ChainBuilder,
  directory: string,
  options: ChainSnapshotOptions = {},
): Promise<string> {
  const { block = builder.blocks.length, epochStarts = [], alter = (point) => point, stateOf = builder, chunkBytes } = options;
  const built = builder.blockAt(block);
  const { miniBlock } = defined(built.miniBlocks.at(-1));
  const { epoch, number, timestampUs } = miniBlock.envelope;
  const point: SnapshotPoint = {
    genesisHash: builder.genesisHash,
    chainId: builder.genesis.chainId,
    head: { epoch, number, digest: miniBlock.digest, timestampUs },
    last: miniBlock,
    seal: built.seal,
    headers: [builder.genesisHeader, ...builder.blocks.slice(0, block).map(({ seal }) => seal.header)],
    epochStarts,
  };
  const store = await SnapshotStore.open({ directory, genesisHash: builder.genesisHash });
  await store.write(
    alter(point),
    defined(tableAt(stateOf, block).snapshot(number)),
    chunkBytes === undefined ? {} : { chunkBytes },
  );
  return defined(await store.newest()).path;
}

/** A snapshot of a built chain as one file outside of any node. */
export async function exportChainSnapshot(builder: ChainBuilder, options: ChainSnapshotOptions = {}): Promise<string> {
  const output = join(tempDirectory(), 'exported.snapshot');
  const path = await writeChainSnapshot(builder, tempDirectory(), options);
  await withSnapshotFile(path, (file) => copySnapshot(file, output));
  return output;
}

/** The genesis file of a built chain on disk. */
export function writeGenesisFile(builder: ChainBuilder): string {
  const path = join(tempDirectory(), 'genesis.json');
  writeFileSync(path, JSON.stringify(builder.genesisFile));
  return path;
}

/** Flat state at the end of a block. */
function tableAt(builder: ChainBuilder, block: number): StateTable {
  const table = new StateTable();
  table.apply(builder.genesis.allocation, 0);
  for (const { miniBlocks } of builder.blocks.slice(0, block)) {
    for (const { diff, miniBlock } of miniBlocks) table.apply(diff, miniBlock.envelope.number);
  }
  return table;
}
