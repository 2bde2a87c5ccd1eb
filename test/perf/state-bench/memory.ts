import { ArenaStateTrie } from '../../../src/state/arena/arena-state-trie.ts';
import { restoreState } from './bench-storage.ts';
import { fillTrie } from './fill-trie.ts';
import { type Figure, progress, type StepContext } from './step.ts';

const MEGABYTE = 1e6;

/** Memory that the system gives for a state, and for its trie on top, in a process that holds nothing else. */
export async function measureMemory({ directory }: StepContext): Promise<Figure[]> {
  const atBegin = residentBytes();
  const { state } = await restoreState(directory);
  const { accounts, slots } = state.mark();
  const millions = (accounts + slots) / 1e6;
  const flat = residentBytes() - atBegin;
  progress(`${accounts} accounts and ${slots} slots loaded`);
  const trie = new ArenaStateTrie();
  fillTrie(trie, state);
  const both = residentBytes() - atBegin;
  const perMillion = (bytes: number): number => bytes / MEGABYTE / millions;
  const keys = `half accounts, half slots; by the`;
  return [
    {
      name: 'memory per million keys, flat table',
      value: perMillion(flat),
      unit: 'MB',
      target: '100',
      note: `${keys} table's own count ${perMillion(state.memoryBytes).toFixed(0)} MB`,
    },
    {
      name: 'memory per million keys, with the trie',
      value: perMillion(both),
      unit: 'MB',
      target: '350',
      note: `${keys} trie's own count ${perMillion(trie.usage().usedBytes).toFixed(0)} MB for it`,
    },
  ];
}

/** Without what the collector would free. */
function residentBytes(): number {
  globalThis.gc?.();
  return process.memoryUsage.rss();
}
