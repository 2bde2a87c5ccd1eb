import { type FSWatcher, watch } from 'node:fs';
import { join } from 'node:path';
import type { SeededRandom } from '../../src/bench/seeded-random.ts';
import { StrobeError } from '../../src/util/errors.ts';
import type { TestDevnet } from './test-devnet.ts';

/** Folders of a data directory that are watched together: what a mini-block writes, what a sealed block, and snapshots. */
const FOLDERS = { log: ['log'], store: ['chain', 'witnesses'], snapshots: ['snapshots'] } as const;
type WriteKind = keyof typeof FOLDERS;

/** Writes seen before the kill, at most: about a second of load, one or two sealed blocks, two or three snapshots. */
const MAX_WRITES: Record<WriteKind, number> = { log: 120, store: 12, snapshots: 12 };
const KINDS: readonly WriteKind[] = ['store', 'log', 'snapshots'];

export interface KillPoint {
  readonly kill: number;
  readonly kind: WriteKind;
  readonly count: number;
}

/** Where to kill, each kind in turn. */
export function killPoints(kills: number, random: SeededRandom): KillPoint[] {
  return Array.from({ length: kills }, (_, index): KillPoint => {
    const kind = KINDS[index % KINDS.length] as WriteKind;
    return { kill: index + 1, kind, count: 1 + random.below(MAX_WRITES[kind]) };
  });
}

/**
 * Ends a node with SIGKILL at the moment at which the due change of a file is seen, so that the kill falls into the
 * midst of writing. `load` runs meanwhile and must end by itself once the node is gone.
 */
export async function killAtWrite(
  devnet: TestDevnet,
  name: string,
  point: KillPoint,
  load: () => Promise<unknown>,
): Promise<void> {
  const node = devnet.process(name);
  let seen = 0;
  const watchers = FOLDERS[point.kind].map((folder): FSWatcher => {
    return watch(join(devnet.dataDir(name), folder), () => {
      if (++seen === point.count) node.kill('SIGKILL');
    });
  });
  try {
    const loaded = load();
    await node.until(() => node.hasExited, 'it is killed');
    await loaded;
  } finally {
    for (const watcher of watchers) watcher.close();
  }
  const { signal } = await node.exited;
  if (signal !== 'SIGKILL') throw new StrobeError('NOT_KILLED', `${name} ended by itself:\n${node.lastLines()}`);
}
