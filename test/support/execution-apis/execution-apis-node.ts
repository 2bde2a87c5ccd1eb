import { createLogger } from '../../../src/observability/logger.ts';
import type { RpcBackend } from '../../../src/protocol/ports/chain.ts';
import type { StateProver } from '../../../src/protocol/ports/proofs.ts';
import type { StateNodes } from '../../../src/protocol/ports/simulation.ts';
import { encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { createRpcServer, type RpcServer } from '../../../src/rpc/server.ts';
import { createInlineProofTrie } from '../../../src/state/proof-trie.ts';
import { bytesEqual } from '../../../src/util/bytes.ts';
import { invariant } from '../../../src/util/errors.ts';
import { MapState } from '../map-state.ts';
import type { ImportedChain } from './import-chain.ts';
import { importedBackend } from './imported-backend.ts';

/** The real server on an imported chain; chains of other clients know no floor of the base fee. */
export function createImportedServer(backend: RpcBackend): RpcServer {
  const logger = createLogger({ level: 'silent', format: 'json' });
  return createRpcServer({ host: '127.0.0.1', port: 0, baseFeeFloorWei: 0n }, { backend, logger });
}

/** A backend with the state of every block. */
export async function createImportedBackend(chain: ImportedChain): Promise<RpcBackend> {
  const state = new MapState();
  for (const [number, diff] of chain.stateDiffs.entries()) state.apply(diff, number);
  return importedBackend(chain, state, await proveFromDiffs(chain));
}

/** Our own trie, fed with the chain's diffs: its roots have to be those in the headers. */
export async function proveFromDiffs({ blocks, trieDiffs }: ImportedChain): Promise<StateProver & StateNodes> {
  const trie = createInlineProofTrie({ blocks: blocks.length });
  for (const [number, diff] of trieDiffs.entries()) {
    trie.apply(encodeStateDiff(diff));
    const root = await trie.endBlock();
    invariant(bytesEqual(root, blocks[number]?.header.stateRoot ?? root), 'the diffs lead to the state root of each block');
  }
  return {
    prove: (stateRoot, address, keys) => trie.prove({ stateRoot, address, keys }),
    nodes: (stateRoot, changes) => trie.nodes({ stateRoot, changes }),
  };
}
