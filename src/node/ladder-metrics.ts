import type { MetricFactory } from '../observability/metrics.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';

export interface LadderModules {
  readonly chain: Pick<ChainReader, 'head' | 'safeNumber' | 'finalizedNumber'>;
  /** Newest block up to which every state root is proven here. */
  readonly rootVerified: () => number;
}

/** The newest block on each step of the verification ladder, with all blocks before it on that step too. */
export function observeLadder(factory: MetricFactory, { chain, rootVerified }: LadderModules): void {
  factory.gauge({
    name: 'ladder_block_number',
    help: 'Newest block up to which every block stands on this rung of the verification ladder or higher',
    labelNames: ['rung'],
    collect: (gauge) => {
      // Only what is signed well is sealed here.
      const sealed = chain.head().header.number;
      gauge.set({ rung: 'received' }, sealed);
      gauge.set({ rung: 'signatureVerified' }, sealed);
      gauge.set({ rung: 'rootVerified' }, rootVerified());
      gauge.set({ rung: 'attested' }, chain.safeNumber() ?? 0);
      gauge.set({ rung: 'daPosted' }, chain.finalizedNumber() ?? 0);
    },
  });
}
