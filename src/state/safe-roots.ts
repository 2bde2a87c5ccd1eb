import type { ChainReader } from '../protocol/ports/chain.ts';
import type { Hash } from '../protocol/primitives.ts';
import { errorMessage } from '../util/errors.ts';

export interface SafeRootsModules {
  readonly chain: Pick<ChainReader, 'safeNumber' | 'sealOf' | 'subscribe'>;
  readonly logger: { error(fields: object, message: string): void };
}

/** Tells the state root of the safe block, now and each time it moves; returns what ends that. */
export function followSafeRoots({ chain, logger }: SafeRootsModules, tell: (stateRoot: Hash) => void): () => void {
  const say = (blockNumber: number): void => {
    chain.sealOf(blockNumber).then(
      (seal) => seal !== undefined && tell(seal.header.stateRoot),
      (error: unknown) => logger.error({ blockNumber }, `the safe block was not found: ${errorMessage(error)}`),
    );
  };
  const unsubscribe = chain.subscribe((event) => {
    if (event.kind === 'safe') say(event.blockNumber);
  });
  say(chain.safeNumber() ?? 0);
  return unsubscribe;
}
