import { createPublicClient, createWalletClient, defineChain, http } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { expect } from 'vitest';
import type { Hex } from '../../../src/util/bytes.ts';
import { defined } from '../defined.ts';
import type { ClientDriver } from './scenario.ts';

const POLLING_MS = 50;

/** The chain as a node at `url` serves it. */
export function chainAt(url: string, chainId: number) {
  const nativeCurrency = { name: 'Ether', symbol: 'ETH', decimals: 18 };
  return defineChain({ id: chainId, name: 'Strobe', nativeCurrency, rpcUrls: { default: { http: [url] } } });
}

export function createViemDriver(url: string, chainId: number, privateKey: Hex): ClientDriver {
  const chain = chainAt(url, chainId);
  const reader = createPublicClient({ chain, transport: http(), pollingInterval: POLLING_MS });
  const account = privateKeyToAccount(privateKey);
  const wallet = createWalletClient({ account, chain, transport: http() });
  const receiptOf = async (hash: Hex) => {
    const receipt = await reader.waitForTransactionReceipt({ hash });
    expect(receipt.status).toBe('success');
    return receipt;
  };
  return {
    account: account.address,
    deploy: async ({ abi, bytecode }, args) => {
      const { contractAddress } = await receiptOf(await wallet.deployContract({ abi, bytecode, args }));
      return defined(contractAddress ?? undefined);
    },
    send: async ({ address, abi }, functionName, args) => {
      await receiptOf(await wallet.writeContract({ address, abi, functionName, args }));
    },
    read: ({ address, abi }, functionName, args) => reader.readContract({ address, abi, functionName, args, account }),
  };
}
