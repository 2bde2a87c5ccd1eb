import type { ForkConfig } from '../../protocol/fork-config.ts';
import type { Address } from '../../protocol/primitives.ts';
import { type Hex, toHex } from '../../util/bytes.ts';
import { quantity } from '../../util/quantity.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';

/** What the fork that holds now brought, and what is planned (EIP-7910). */
export const ethConfig: RpcMethod<undefined> = {
  name: 'eth_config',
  maxParams: 0,
  parse: noParams,
  handle: (_, { backend: { chain, forks } }) => {
    const format = (config: ForkConfig | undefined) => (config === undefined ? null : formatConfig(config, chain.chainId));
    return { current: format(forks.current), next: format(forks.next), last: format(forks.last) };
  },
};

function formatConfig(config: ForkConfig, chainId: number) {
  const { activationTime, blobSchedule, forkId, precompiles, systemContracts } = config;
  return {
    ...{ activationTime, blobSchedule },
    chainId: quantity(chainId),
    forkId: toHex(forkId),
    precompiles: formatAddresses(precompiles),
    systemContracts: formatAddresses(systemContracts),
  };
}

function formatAddresses(addresses: Readonly<Record<string, Address>>): Readonly<Record<string, Hex>> {
  return Object.fromEntries(Object.entries(addresses).map(([name, address]) => [name, toHex(address)]));
}
