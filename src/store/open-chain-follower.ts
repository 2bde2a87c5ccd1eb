import type { ChainBegin } from './chain-change.ts';
import { ChainDatabase } from './chain-database.ts';
import { ChainFollower } from './chain-follower.ts';
import type { ChainViewModules } from './chain-view.ts';
import { openLevel } from './level-database.ts';
import { DEFAULT_LIMITS, type OpenChainStoreOptions } from './open-chain-store.ts';

/**
 * Shows a chain store of another thread of this process, which has the database open under the same path.
 * @throws StrobeError DATABASE_FAILED
 */
export async function openChainFollower(
  options: OpenChainStoreOptions,
  modules: Pick<ChainViewModules, 'log' | 'logger' | 'logIndex'>,
  begin: ChainBegin,
): Promise<ChainFollower> {
  const database = new ChainDatabase(await openLevel(options.directory, { multithreading: true }));
  return new ChainFollower({ ...DEFAULT_LIMITS, ...options }, { ...modules, database }, begin);
}
