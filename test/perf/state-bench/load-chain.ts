import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import { encodeBody, MINI_BLOCK_VERSION, type MiniBlock, signMiniBlock } from '../../../src/protocol/mini-block.ts';
import type { StateDiff } from '../../../src/protocol/state-diff.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import { type LoadKind, SyntheticLoad } from '../../support/synthetic-load.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { CHAIN_ID, GENESIS_HASH } from './bench-genesis.ts';
import { progress } from './step.ts';

/** What a replica that serves no history needs is in the diffs. */
const EMPTY_BODY = encodeBody({ transactions: [], receipts: [] });
/** Mini-blocks that can be undone, as in a node that seals blocks of a second. */
const KEPT_MINI_BLOCKS = 100;

/** The sequencer's side: makes signed mini-blocks of diffs, which change its state. All of them are of one open block. */
export class LoadChain {
  readonly #table: StateTable;
  readonly #codec: ReturnType<typeof createCompactCodec>;
  readonly #signer = testSigner('sequencer');
  #number = 0;
  #digest = GENESIS_HASH;

  constructor(table: StateTable) {
    this.#table = table;
    this.#codec = createCompactCodec(table.rows);
  }

  miniBlock(diff: StateDiff): MiniBlock {
    const position = { number: ++this.#number, parentDigest: this.#digest };
    const resolved = this.#codec.resolve(diff);
    const diffPayload = this.#codec.encode(resolved, position);
    const signed = signMiniBlock(
      {
        ...position,
        version: MINI_BLOCK_VERSION,
        genesisHash: GENESIS_HASH,
        chainId: CHAIN_ID,
        epoch: 1,
        blockNumber: 1,
        index: this.#number,
        timestampUs: this.#number,
        env: undefined,
        transactionsDigest: EMPTY_BODY.transactionsDigest,
        receiptsDigest: EMPTY_BODY.receiptsDigest,
        stateDiffDigest: this.#codec.digest(resolved),
        diffPayloadDigest: keccak256(diffPayload),
        bodyPayloadDigest: keccak256(EMPTY_BODY.payload),
      },
      this.#signer,
    );
    commit(this.#table, diff);
    this.#digest = signed.digest;
    return { ...signed, diffPayload, bodyPayload: EMPTY_BODY.payload };
  }
}

/** A load whose rate is said with each of its mini-blocks. */
export function createLoad(kind: LoadKind, holders: number, choice: 'uniform' | 'zipf'): SyntheticLoad {
  return new SyntheticLoad({ kind, holders, choice, seed: 1, transactions: 1 });
}

/** Applies the next diff and forgets old values as a node does. */
function commit(table: StateTable, diff: StateDiff): void {
  table.apply(diff, table.number + 1);
  table.release(table.number - KEPT_MINI_BLOCKS);
}

export const MINI_BLOCKS_PER_SECOND = 100;

export function transactionsPerMiniBlock(transactionsPerSecond: number): number {
  return Math.max(1, Math.round(transactionsPerSecond / MINI_BLOCKS_PER_SECOND));
}

/** The state that the load begins with. */
export function setUpTable(load: SyntheticLoad): StateTable {
  const table = new StateTable();
  for (const diff of load.setup()) commit(table, diff);
  const { accounts, slots } = table.mark();
  progress(`made ${accounts} accounts and ${slots} slots`);
  return table;
}
