import type { Log as LibraryLog } from '@ethereumjs/evm';
import type { Log } from '../../protocol/receipt.ts';

export function toLogs(logs: readonly LibraryLog[] | undefined): Log[] {
  return (logs ?? []).map(([address, topics, data]) => ({ address, topics, data }));
}
