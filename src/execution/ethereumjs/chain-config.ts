import { type ChainConfig, type Common, Hardfork, Mainnet } from '@ethereumjs/common';
import { paramsTx } from '@ethereumjs/tx';
import { MemoisedCommon } from './memoised-common.ts';
import { NATIVE_CRYPTO } from './native-crypto.ts';

/**
 * Prague without EIP-6110, 7002 and 7251, whose requests are off in every engine (PROTOCOL section 1). EIP-7685 stays,
 * for the header's hash over no requests.
 */
const PRAGUE_EIPS = [2537, 2935, 7623, 7685, 7691, 7702];

/** One fork from the first block on, for one chain id; Strobe's is Prague. */
export function createChainCommon(chainId: number, hardfork: Hardfork = Hardfork.Prague): Common {
  const forks = Mainnet.hardforks.findIndex((fork) => fork.name === hardfork) + 1;
  const chain: ChainConfig = {
    name: 'strobe',
    chainId,
    defaultHardfork: hardfork,
    consensus: { type: 'pos', algorithm: 'casper', casper: {} },
    genesis: Mainnet.genesis,
    bootstrapNodes: [],
    hardforks: Mainnet.hardforks.slice(0, forks).map(({ name }) => ({ name, block: 0 })),
    customHardforks: { [Hardfork.Prague]: { eips: PRAGUE_EIPS } },
  };
  // The library's classes add the parameters of EVM and VM themselves; transactions here are not of its classes.
  return new MemoisedCommon({ chain, hardfork, params: paramsTx, customCrypto: NATIVE_CRYPTO });
}
