import { BatchPoster } from '../da/batch-poster.ts';
import { DaFollower } from '../da/da-follower.ts';
import type { DaChain, DaLogger } from '../da/da-modules.ts';
import { FileDataAvailability } from '../da/file-da.ts';
import type { MiniBlockLog } from '../protocol/ports/log.ts';
import type { Lifecycle } from './lifecycle.ts';

interface DaParts {
  readonly chain: DaChain;
  readonly logger: DaLogger;
  readonly life: Lifecycle;
}

/** Posts safe blocks to the data availability layer in `directory`. */
export async function postToDa(
  directory: string,
  { chain, logger, life, log }: DaParts & { readonly log: MiniBlockLog },
): Promise<void> {
  const da = await FileDataAvailability.open({ directory });
  runLoop(life, 'batch poster', (signal) => new BatchPoster({}, { da, log, chain, logger }).run(signal));
}

/** Marks blocks from `firstBlock` on as final once the layer in `directory` is proven to hold them. */
export async function followDa(
  directory: string,
  { chain, logger, life, firstBlock }: DaParts & { readonly firstBlock: number },
): Promise<void> {
  const da = await FileDataAvailability.open({ directory });
  runLoop(life, 'DA follower', (signal) => new DaFollower({ firstBlock }, { da, chain, logger }).run(signal));
}

/** A stop waits for the round under way: the store that it writes to is closed behind it. */
function runLoop(life: Lifecycle, name: string, run: (signal: AbortSignal) => Promise<void>): void {
  const running = run(life.signal);
  life.watch(running);
  life.onStop(name, () => running);
}
