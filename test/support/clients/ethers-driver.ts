import { type BaseContract, Contract, ContractFactory, type InterfaceAbi, JsonRpcProvider, Wallet } from 'ethers';
import { expect } from 'vitest';
import type { Hex } from '../../../src/util/bytes.ts';
import type { ClientDriver, Contract as ScenarioContract } from './scenario.ts';

/** ethers' own are for chains of 12 s blocks: it asks for receipts every 4 s, and takes a nonce of 250 ms ago for the present one. */
const FAST = { pollingInterval: 50, cacheTimeout: -1 };

export interface EthersDriver extends ClientDriver {
  readonly provider: JsonRpcProvider;
}

export function createEthersDriver(url: string, privateKey: Hex): EthersDriver {
  const provider = new JsonRpcProvider(url, undefined, FAST);
  const wallet = new Wallet(privateKey, provider);
  const methodOf = ({ address, abi }: ScenarioContract, name: string) =>
    new Contract(address, abi as unknown as InterfaceAbi, wallet).getFunction(name);
  return {
    provider,
    account: wallet.address as Hex,
    deploy: async ({ abi, bytecode }, args) => {
      const factory = new ContractFactory(abi as unknown as InterfaceAbi, bytecode, wallet);
      const contract: BaseContract = await factory.deploy(...args);
      await contract.waitForDeployment();
      return (await contract.getAddress()) as Hex;
    },
    send: async (contract, name, args) => {
      const response = await methodOf(contract, name)(...args);
      expect((await response.wait()).status).toBe(1);
    },
    read: (contract, name, args) => methodOf(contract, name).staticCall(...args),
  };
}
