import type { MetricFactory } from '../observability/metrics.ts';
import type { ChainReader } from '../protocol/ports/chain.ts';

/** How far provers are behind the sequencer. */
export interface AttestationLag {
  /** Sealed blocks above the safe one. */
  readonly unattestedBlocks: number;
  /** There are so many of them that mini-blocks get a smaller gas budget (PROTOCOL section 7). */
  readonly isSlowedDown: boolean;
}

export function attestationLag(chain: Pick<ChainReader, 'head' | 'safeNumber'>, maxUnattestedBlocks: number): AttestationLag {
  const unattestedBlocks = chain.head().header.number - (chain.safeNumber() ?? 0);
  return { unattestedBlocks, isSlowedDown: unattestedBlocks >= maxUnattestedBlocks };
}

/** Read when somebody scrapes. */
export function observeAttestationLag(factory: MetricFactory, read: () => AttestationLag): void {
  factory.gauge({
    name: 'unattested_blocks',
    help: 'Sealed blocks above the safe one: how far provers are behind',
    collect: (gauge) => gauge.set(read().unattestedBlocks),
  });
  factory.gauge({
    name: 'gas_budget_cut',
    help: '1 while the gas budget of mini-blocks is cut because provers are too far behind',
    collect: (gauge) => gauge.set(read().isSlowedDown ? 1 : 0),
  });
}
