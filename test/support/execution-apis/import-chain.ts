import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBlock, createBlockFromRLP, type Block as LibraryBlock } from '@ethereumjs/block';
import {
  type Common,
  createCommonFromGethGenesis,
  type GethGenesis,
  type Hardfork,
  parseGethGenesisState,
} from '@ethereumjs/common';
import { RLP } from '@ethereumjs/rlp';
import { createVM, runBlock } from '@ethereumjs/vm';
import { NATIVE_CRYPTO } from '../../../src/execution/ethereumjs/native-crypto.ts';
import type { BlockHeader } from '../../../src/protocol/block-header.ts';
import type { ForkSchedule } from '../../../src/protocol/fork-config.ts';
import type { Block } from '../../../src/protocol/ports/chain.ts';
import type { AccountDiff, StateDiff } from '../../../src/protocol/state-diff.ts';
import { type Hex, toKey } from '../../../src/util/bytes.ts';
import { defined } from '../defined.ts';
import { toBlock } from './convert-block.ts';
import { forksOf } from './imported-forks.ts';
import { RecordingStateManager } from './recording-state-manager.ts';

type GenesisFile = GethGenesis &
  Readonly<Record<'timestamp' | 'difficulty' | 'extraData' | 'mixHash' | 'coinbase' | 'nonce', Hex>>;

/** A chain of another client with everything that JSON-RPC serves of it; block 0 first. */
export interface ImportedChain {
  readonly chainId: number;
  readonly common: Common;
  readonly blocks: readonly Block[];
  /** Net change of each block; that of block 0 is the allocation. */
  readonly trieDiffs: readonly StateDiff[];
  /** The parts of them that are of accounts which only a trie can hold (see {@link RecordingStateManager.emptyAccounts}). */
  readonly trieOnlyDiffs: readonly StateDiff[];
  /** The other parts. */
  readonly stateDiffs: readonly StateDiff[];
  readonly forks: ForkSchedule;
  hardforkAt(block: Pick<BlockHeader, 'number' | 'timestamp'>): Hardfork;
}

/**
 * Executes `chain.rlp` on `genesis.json` of a folder with the reference engine. Proof of work and headers are not validated;
 * receipts, gas used, requests and the state root of every block are, by the engine.
 */
export async function importChain(folder: string): Promise<ImportedChain> {
  const genesis = JSON.parse(readFileSync(join(folder, 'genesis.json'), 'utf8')) as GenesisFile;
  const common = chainCommon(genesis);
  const stateManager = new RecordingStateManager({ common });
  const vm = await createVM({ common, stateManager, setHardfork: true });
  await stateManager.generateCanonicalGenesis(parseGethGenesisState(genesis));
  const blocks: Block[] = [toBlock(genesisBlock(genesis, await stateManager.getStateRoot(), common), [])];
  const trieDiffs: StateDiff[] = [await stateManager.takeDiff()];
  for (const block of readBlocks(join(folder, 'chain.rlp'), common)) {
    const { receipts } = await runBlock(vm, { block, skipBlockValidation: true });
    blocks.push(toBlock(block, receipts));
    trieDiffs.push(await stateManager.takeDiff());
  }
  const isTrieOnly = ({ address }: AccountDiff): boolean => stateManager.emptyAccounts.has(toKey(address));
  const forks = common.copy();
  return {
    ...{ chainId: genesis.config.chainId, common: forks, blocks, trieDiffs },
    stateDiffs: trieDiffs.map((diff) => ({ ...diff, accounts: diff.accounts.filter((account) => !isTrieOnly(account)) })),
    trieOnlyDiffs: trieDiffs.map((diff) => ({ accounts: diff.accounts.filter(isTrieOnly), codes: [] })),
    forks: forksOf(genesis, defined(blocks[0]).hash),
    hardforkAt: ({ number, timestamp }) => forks.getHardforkBy({ blockNumber: number, timestamp }) as Hardfork,
  };
}

function chainCommon(genesis: GethGenesis): Common {
  const { keccak256, sha256, kzg } = NATIVE_CRYPTO;
  // Without our recovery of senders, which is for the `v` of precompile and pool only.
  const customCrypto = { ...(keccak256 && { keccak256 }), ...(sha256 && { sha256 }), ...(kzg && { kzg }) };
  return createCommonFromGethGenesis(genesis, { chain: 'imported', customCrypto });
}

function genesisBlock(genesis: GenesisFile, stateRoot: Uint8Array, common: Common): LibraryBlock {
  const { timestamp, gasLimit, difficulty, extraData, mixHash, coinbase, nonce } = genesis;
  const header = { timestamp, gasLimit, difficulty, extraData, mixHash, coinbase, stateRoot, number: 0 };
  return createBlock({ header: { ...header, nonce: word(nonce) } }, { common, setHardfork: true });
}

/** Nonces of headers have 8 bytes. */
function word(quantity: Hex): Hex {
  return `0x${quantity.slice(2).padStart(16, '0')}`;
}

function* readBlocks(path: string, common: Common): Iterable<LibraryBlock> {
  let rest = new Uint8Array(readFileSync(path));
  while (rest.length > 0) {
    const { remainder } = RLP.decode(rest, true);
    yield createBlockFromRLP(rest.subarray(0, rest.length - remainder.length), { common, setHardfork: true });
    rest = new Uint8Array(remainder);
  }
}
