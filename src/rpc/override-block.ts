import type { BlockOverrides, CallPosition } from '../protocol/ports/execution.ts';

/** The place of a call with what the request wants assumed of the block; hashes of blocks are the chain's in any case. */
export function overrideBlock({ state, env }: CallPosition, overrides: BlockOverrides): CallPosition {
  return {
    state,
    env: {
      ...env,
      number: overrides.number ?? env.number,
      timestamp: overrides.timestamp ?? env.timestamp,
      gasLimit: overrides.gasLimit ?? env.gasLimit,
      coinbase: overrides.coinbase ?? env.coinbase,
      prevRandao: overrides.prevRandao ?? env.prevRandao,
      baseFeePerGas: overrides.baseFeePerGas ?? env.baseFeePerGas,
      blobBaseFee: overrides.blobBaseFee ?? env.blobBaseFee,
    },
  };
}
