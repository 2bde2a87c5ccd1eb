import type { StoredMoment, StoredReach } from '../../protocol/ports/history.ts';
import type { ProvenBlock, StateProof } from '../../protocol/ports/proofs.ts';
import type { Hash } from '../../protocol/primitives.ts';
import { bytesEqual, toHex } from '../../util/bytes.ts';
import { invariant, isStrobeError, StrobeError } from '../../util/errors.ts';
import { ArenaStateTrie } from '../arena/arena-state-trie.ts';
import { PRESENT } from '../arena/arena-walk.ts';
import type { HistoryReach } from '../history-reach.ts';
import type { MomentRows } from '../table/moment-rows.ts';
import type { TableMoment } from '../table/table-moment.ts';
import type { TableReader } from '../table/table-reader.ts';
import type { ProofRequest } from '../trie-history.ts';
import { ArchiveMove } from './archive-move.ts';
import { TrieWriter } from './trie-writer.ts';

/** A stored block of the newest ones, whose state is in memory. */
export interface RecentBlock {
  readonly blockNumber: number;
  readonly moment: TableMoment;
}

/** Where to go; a message to the trie's thread. */
export interface ArchiveMoveRequest {
  /** Not above the recent one. */
  readonly block: ProvenBlock;
  readonly recent: RecentBlock;
}

export interface ArchiveMoveReport {
  /** Of the whole state; 0 when the trie was loaded already. */
  readonly loadedKeys: number;
  /** Read from the history. */
  readonly changedKeys: number;
  /** That the trie has taken. */
  readonly trieBytes: number;
}

export interface ArchiveTrieModules {
  readonly reader: Pick<TableReader, 'rowsAt'>;
  readonly openStored: () => StoredMoment;
  readonly reach: HistoryReach;
  readonly isStopping: () => boolean;
}

/** A trie somewhere in the chain. */
interface TravellingTrie {
  readonly trie: ArenaStateTrie;
  /** Rollbacks of stored blocks that were counted when it was loaded. */
  readonly rollbacks: bigint;
  /** Each key is as at the end of a block from the lowest to the highest: of one and the same, unless a move was broken off. */
  lowest: number;
  highest: number;
  /** That of the block's header and of the trie; undefined while it is not at one. */
  root: Hash | undefined;
}

/** Reading the list of a block with a hundred changes costs as much as looking up that many keys (test/perf/archive-proofs.ts). */
const KEYS_PER_BLOCK = 4;

/**
 * A state trie that is loaded with a recent state and goes to whichever stored block is asked for: the keys that blocks
 * in between changed are set to what they were there. It stays where it is, so that a move to a near block is short. No
 * proof is given that does not lead to the state root in the block's header.
 */
export class ArchiveTrie {
  readonly #modules: ArchiveTrieModules;
  #current: TravellingTrie | undefined;

  constructor(modules: ArchiveTrieModules) {
    this.#modules = modules;
  }

  /**
   * Goes to the end of a block; at once when it is there.
   * @throws StrobeError STATE_FORGOTTEN when the block is not stored, or was undone, or the recent state given up meanwhile: it
   *   may be tried again; ARCHIVE_ROOT_WRONG when what is stored does not have the root in the header; HISTORY_DAMAGED;
   *   TRIE_ARENA_FAILED when the state does not fit into a trie; THREAD_STOPPED
   */
  moveTo(request: ArchiveMoveRequest): ArchiveMoveReport {
    try {
      return this.#moveTo(request);
    } catch (error) {
      // What was written remains true of some block: the next move goes on from there.
      if (!isStrobeError(error, 'STATE_FORGOTTEN')) this.#current = undefined;
      throw error;
    }
  }

  /** @throws StrobeError PROOF_NOT_AVAILABLE when the trie is not at a block with this root */
  prove({ stateRoot, address, keys }: ProofRequest): StateProof {
    if (this.#current?.root === undefined || !bytesEqual(this.#current.root, stateRoot)) {
      throw new StrobeError('PROOF_NOT_AVAILABLE', 'the trie is not at a block with this root', { stateRoot: toHex(stateRoot) });
    }
    return this.#current.trie.proof(PRESENT, address, keys);
  }

  #moveTo({ block, recent }: ArchiveMoveRequest): ArchiveMoveReport {
    const { reader, reach, openStored, isStopping } = this.#modules;
    if (this.#current?.root !== undefined && bytesEqual(this.#current.root, block.stateRoot)) return this.#report(0, 0);
    const { rollbacks } = reach;
    const rows = reader.rowsAt(recent.moment);
    const stored = openStored();
    try {
      assertReached(stored.reach, block.number, recent.blockNumber);
      const kept = this.#kept(stored.reach, recent.blockNumber, rollbacks);
      const trie = kept?.trie ?? new ArenaStateTrie();
      const modules = { stored, rows, isStopping };
      let loadedKeys = 0;
      if (kept === undefined) {
        this.#current = undefined;
        loadedKeys = run(trie, modules, (load) => load.load());
      }
      const { blockNumber } = recent;
      const current = kept ?? { trie, rollbacks, lowest: blockNumber, highest: blockNumber, root: undefined };
      this.#current = current;
      const changedKeys = moveBetween(current, block.number, modules);
      this.#arrive(current, block);
      return this.#report(loadedKeys, changedKeys);
    } finally {
      stored.close();
    }
  }

  /** The trie as it is, unless it is of blocks that were undone, or are not stored any more. */
  #kept({ oldest }: StoredReach, newest: number, rollbacks: bigint): TravellingTrie | undefined {
    const current = this.#current;
    if (current === undefined || current.rollbacks !== rollbacks) return undefined;
    return current.lowest < oldest || current.highest > newest ? undefined : current;
  }

  #arrive(current: TravellingTrie, { number, stateRoot }: ProvenBlock): void {
    const root = current.trie.root();
    if (this.#modules.reach.rollbacks !== current.rollbacks) {
      throw new StrobeError('STATE_FORGOTTEN', 'blocks were undone while a state trie was on its way', { blockNumber: number });
    }
    if (!bytesEqual(root, stateRoot)) {
      throw new StrobeError('ARCHIVE_ROOT_WRONG', `the stored state of block ${number} does not have its state root`, {
        ...{ blockNumber: number, computed: toHex(root), sealed: toHex(stateRoot) },
      });
    }
    current.lowest = number;
    current.highest = number;
    current.root = root;
  }

  #report(loadedKeys: number, changedKeys: number): ArchiveMoveReport {
    return { loadedKeys, changedKeys, trieBytes: this.#current?.trie.usage().reservedBytes ?? 0 };
  }
}

interface MoveParts {
  readonly stored: StoredMoment;
  readonly rows: MomentRows;
  readonly isStopping: () => boolean;
}

/** Returns how many keys were written. */
function run(trie: ArenaStateTrie, parts: MoveParts, write: (move: ArchiveMove) => void): number {
  const writer = new TrieWriter(trie);
  const move = new ArchiveMove({ ...parts, writer });
  write(move);
  writer.flush();
  return move.written;
}

/** Returns how many keys were written. */
function moveBetween(current: TravellingTrie, blockNumber: number, parts: MoveParts): number {
  const { lowest, highest, trie } = current;
  current.root = undefined;
  // Should it be broken off, it is between these.
  current.lowest = Math.min(lowest, blockNumber);
  current.highest = Math.max(highest, blockNumber);
  const blocks = current.highest - current.lowest;
  const keys = parts.rows.accountCount + parts.rows.slotCount;
  const isFar = blocks * KEYS_PER_BLOCK > keys;
  return run(trie, parts, (move) => {
    if (isFar) move.byRows({ lowest, highest }, blockNumber);
    else move.byBlocks({ lowest, highest }, blockNumber);
  });
}

function assertReached({ oldest, newest }: StoredReach, blockNumber: number, recent: number): void {
  invariant(blockNumber <= recent, 'a trie goes to blocks that are not above the recent one');
  if (blockNumber >= oldest && recent <= newest) return;
  throw new StrobeError('STATE_FORGOTTEN', `the state of block ${blockNumber} is not stored any more`, { blockNumber });
}
