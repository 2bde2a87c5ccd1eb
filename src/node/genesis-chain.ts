import { readFile } from 'node:fs/promises';
import { type ChainIdentity, chainIdentity, type Genesis, parseGenesis } from '../protocol/genesis.ts';
import type { Hash } from '../protocol/primitives.ts';
import { StateTrie } from '../state/state-trie.ts';
import { errorMessage } from '../util/errors.ts';
import { configError } from './config-error.ts';

/** A chain as its genesis file defines it. */
export interface GenesisChain {
  readonly genesis: Genesis;
  readonly identity: ChainIdentity;
  /** State root of the allocation. */
  readonly stateRoot: Hash;
}

/**
 * Reads a genesis file and derives the chain's identity.
 * @throws StrobeError INVALID_CONFIG when the file cannot be read, INVALID_GENESIS naming each wrong field
 */
export async function loadGenesisChain(file: string): Promise<GenesisChain> {
  const genesis = parseGenesis(await readJson(file));
  const trie = StateTrie.empty();
  trie.apply(genesis.allocation);
  const stateRoot = trie.root();
  return { genesis, identity: chainIdentity(genesis, stateRoot), stateRoot };
}

async function readJson(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, 'utf8'));
  } catch (cause) {
    throw configError([`genesis file ${file} cannot be read: ${errorMessage(cause)}`], cause);
  }
}
