import { expect } from 'vitest';
import { type ContractAbi, Web3 } from 'web3';
import type { Hex } from '../../../src/util/bytes.ts';
import { defined } from '../defined.ts';
import type { ClientDriver, Contract } from './scenario.ts';

const POLLING_MS = 50;

export interface Web3Driver extends ClientDriver {
  readonly web3: Web3;
}

export function createWeb3Driver(url: string, privateKey: Hex): Web3Driver {
  const web3 = new Web3(url);
  web3.setConfig({
    transactionPollingInterval: POLLING_MS,
    transactionReceiptPollingInterval: POLLING_MS,
    transactionConfirmationBlocks: 1,
  });
  const from = defined(web3.eth.accounts.wallet.add(privateKey)[0]).address as Hex;
  const methodOf = ({ address, abi }: Contract, name: string, args: readonly unknown[]) =>
    defined(new web3.eth.Contract(abi as unknown as ContractAbi, address).methods[name])(...(args as never[]));
  return {
    web3,
    account: from,
    deploy: async ({ abi, bytecode }, args) => {
      const contract = new web3.eth.Contract(abi as unknown as ContractAbi);
      const deployed = await contract.deploy({ data: bytecode, arguments: args as never[] }).send({ from });
      return defined(deployed.options.address) as Hex;
    },
    send: async (contract, name, args) => {
      try {
        expect((await methodOf(contract, name, args).send({ from })).status).toBe(1n);
      } catch (error) {
        // The node's words are one error further in.
        throw error instanceof Error && error.cause !== undefined ? error.cause : error;
      }
    },
    read: (contract, name, args) => methodOf(contract, name, args).call({ from }),
  };
}
