import { ForwardedPool } from '../../../src/fullnode/forwarded-pool.ts';
import { ForwardingSink } from '../../../src/fullnode/forwarding-sink.ts';
import { createLogger } from '../../../src/observability/logger.ts';
import { createCompactCodec } from '../../../src/protocol/compact-codec.ts';
import type { RpcBackend } from '../../../src/protocol/ports/chain.ts';
import type { SequencerLink } from '../../../src/protocol/ports/network.ts';
import type { StateProver } from '../../../src/protocol/ports/proofs.ts';
import type { StateNodes } from '../../../src/protocol/ports/simulation.ts';
import { encodeStateDiff, type StateDiff } from '../../../src/protocol/state-diff.ts';
import { createRpcServer, type RpcServer } from '../../../src/rpc/server.ts';
import { createInlineProofTrie } from '../../../src/state/proof-trie.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { type Bytes, bytesEqual } from '../../../src/util/bytes.ts';
import { invariant } from '../../../src/util/errors.ts';
import { defined } from '../defined.ts';
import { MapState } from '../map-state.ts';
import type { ImportedChain } from './import-chain.ts';
import { importedBackend } from './imported-backend.ts';
import { MemoryPool } from './memory-pool.ts';

/** The real server on an imported chain; chains of other clients know no floor of the base fee. */
export function createImportedServer(backend: RpcBackend): RpcServer {
  const logger = createLogger({ level: 'silent', format: 'json' });
  return createRpcServer({ host: '127.0.0.1', port: 0, baseFeeFloorWei: 0n }, { backend, logger });
}

/** A node that has the chain's states as plain maps. */
export async function executedNode(chain: ImportedChain): Promise<RpcBackend> {
  const state = new MapState();
  for (const [number, diff] of chain.stateDiffs.entries()) state.apply(diff, number);
  const transactions = new MemoryPool(chain.common, state);
  const proofs = await proveFrom(chain, (number) => [encodeStateDiff(defined(chain.trieDiffs[number]))]);
  return importedBackend(chain, { state, ...proofs, transactions, pool: transactions.listing });
}

/**
 * A replica that was sent the chain: compact diffs, made beside the states of {@link executedNode}'s kind, are decoded and
 * applied beside its own table, and its trie follows that table. The pool is at the other end of its link.
 *
 * Blocks are not sealed as Strobe's are: headers with ommers or difficulty cannot be. Nor can diffs say the accounts that
 * {@link ImportedChain.trieOnlyDiffs} are of, which the trie is given besides.
 */
export async function replicaNode(chain: ImportedChain): Promise<RpcBackend> {
  const sender = new MapState();
  const state = new StateTable();
  const [allocation, ...diffs] = chain.stateDiffs;
  for (const each of [sender, state]) each.apply(defined(allocation), 0);
  for (const [index, diff] of diffs.entries()) {
    const payload = sendDiff(diff, sender, positionOf(index + 1, chain));
    state.applyRows(createCompactCodec(state.rows).decode(payload, positionOf(index + 1, chain)), index + 1);
  }
  const pool = new MemoryPool(chain.common, sender);
  const link = linkTo(pool);
  const proofs = await proveFrom(chain, (number) => [
    number === 0 ? encodeStateDiff(defined(allocation)) : defined(state.netDiff(number - 1, number)),
    encodeStateDiff(defined(chain.trieOnlyDiffs[number])),
  ]);
  return importedBackend(chain, {
    ...{ state, ...proofs },
    transactions: new ForwardingSink({ link }),
    pool: new ForwardedPool({ link }),
  });
}

type Position = ReturnType<typeof positionOf>;

function positionOf(number: number, { blocks }: ImportedChain) {
  return { number, parentDigest: defined(blocks[number - 1]).hash };
}

function sendDiff(diff: StateDiff, sender: MapState, position: Position): Bytes {
  const codec = createCompactCodec(sender.rows);
  const payload = codec.encode(codec.resolve(diff), position);
  sender.apply(diff, position.number);
  return payload;
}

function linkTo(pool: MemoryPool): SequencerLink {
  return {
    submit: (raw) => pool.submit(raw),
    pendingNonce: (address) => pool.pendingNonce(address),
    pooledTransaction: async (hash) => (await pool.pooledTransaction(hash))?.transaction.raw,
    poolCounts: () => pool.listing.counts(),
    poolPage: async (_from, sender) => {
      const listed = await pool.listing.list(Number.POSITIVE_INFINITY, sender);
      const entries = listed.map(({ transaction, ...rest }) => ({ raw: transaction.raw, ...rest }));
      return { entries, next: undefined };
    },
    subscribePending: () => () => {},
  };
}

/** Our own trie, fed with canonical diffs: its roots have to be those in the headers. */
async function proveFrom(
  { blocks }: ImportedChain,
  diffsOf: (blockNumber: number) => readonly Bytes[],
): Promise<{ readonly stateProofs: StateProver; readonly stateNodes: StateNodes }> {
  const trie = createInlineProofTrie({ blocks: blocks.length });
  for (const [number, { header }] of blocks.entries()) {
    for (const diffBytes of diffsOf(number)) trie.apply(diffBytes);
    invariant(bytesEqual(await trie.endBlock(), header.stateRoot), `the diffs lead to the state root of block ${number}`);
  }
  return {
    stateProofs: { prove: ({ stateRoot }, address, keys) => trie.prove({ stateRoot, address, keys }) },
    stateNodes: { nodes: (stateRoot, changes) => trie.nodes({ stateRoot, changes }) },
  };
}
