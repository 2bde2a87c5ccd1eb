import { Messenger } from '@metamask/base-controller';
import {
  NetworkController,
  type NetworkControllerActions,
  type NetworkControllerEvents,
  type NetworkControllerMessenger,
  RpcEndpointType,
} from '@metamask/network-controller';
import { decodeFunctionResult, encodeDeployData, encodeFunctionData, type TransactionSerializableEIP1559 } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { expect } from 'vitest';
import type { Hex } from '../../../src/util/bytes.ts';
import { defined } from '../defined.ts';
import { waitFor } from '../wait-for.ts';
import type { ClientDriver } from './scenario.ts';

const POLLING_MS = 50;
/** The extension adds half to every estimate. */
const GAS_BUFFER_PERCENT = 150n;

export interface MetaMaskDriver extends ClientDriver {
  readonly controller: NetworkController;
  request<Result>(method: string, params?: readonly unknown[]): Promise<Result>;
}

interface MinedReceipt {
  readonly status: Hex;
  readonly blockNumber: Hex;
  readonly contractAddress: Hex | null;
}

/** The extension's own way to a node (controller, middleware, caches, block tracker), with the user's network added by hand. */
export async function createMetaMaskDriver(url: string, chainId: number, privateKey: Hex): Promise<MetaMaskDriver> {
  const hexChainId: Hex = `0x${chainId.toString(16)}`;
  const controller = await openController();
  const { rpcEndpoints } = controller.addNetwork({
    chainId: hexChainId,
    name: 'Strobe',
    nativeCurrency: 'ETH',
    blockExplorerUrls: [],
    defaultRpcEndpointIndex: 0,
    rpcEndpoints: [{ type: RpcEndpointType.Custom, url }],
  });
  await controller.setActiveNetwork(defined(rpcEndpoints[0]).networkClientId);
  const { provider, blockTracker } = defined(controller.getSelectedNetworkClient());
  // It polls while somebody listens, as the extension does all the time.
  blockTracker.on('latest', () => {});
  let id = 0;
  const request = async <Result>(method: string, params: readonly unknown[] = []): Promise<Result> => {
    try {
      return (await provider.request({ id: ++id, jsonrpc: '2.0', method, params: [...params] as never })) as Result;
    } catch (error) {
      // It calls every failure of a node an "Internal JSON-RPC error", with the node's own one inside.
      throw (error as { data?: unknown }).data ?? error;
    }
  };
  const driver = driverOf(request, chainId, privateKey);
  return { ...driver, controller, request };
}

async function openController(): Promise<NetworkController> {
  const messenger = new Messenger<NetworkControllerActions, NetworkControllerEvents>();
  const controller = new NetworkController({
    messenger: messenger.getRestricted({
      name: 'NetworkController',
      allowedActions: [],
      allowedEvents: [],
    }) as unknown as NetworkControllerMessenger,
    infuraProjectId: '0'.repeat(32),
    getRpcServiceOptions: () => ({ fetch, btoa }),
    getBlockTrackerOptions: () => ({ pollingInterval: POLLING_MS, keepEventLoopActive: false }),
  });
  await controller.initializeProvider();
  return controller;
}

/** The transaction as the extension builds it: estimate, fees, nonce, signature, raw. */
function driverOf(request: MetaMaskDriver['request'], chainId: number, privateKey: Hex): ClientDriver {
  const account = privateKeyToAccount(privateKey);
  const from = account.address;
  /** Block of the last transaction. */
  let newest: Hex = '0x0';
  const send = async (transaction: { readonly to?: Hex; readonly data: Hex }) => {
    const estimate = BigInt(await request<Hex>('eth_estimateGas', [{ from, ...transaction }]));
    const { baseFeePerGas } = await request<{ baseFeePerGas: Hex }>('eth_getBlockByNumber', ['latest', false]);
    const nonce = Number(await request<Hex>('eth_getTransactionCount', [from, 'pending']));
    const unsigned: TransactionSerializableEIP1559 = {
      ...transaction,
      ...{ type: 'eip1559', chainId, nonce, gas: (estimate * GAS_BUFFER_PERCENT) / 100n },
      ...{ maxFeePerGas: 2n * BigInt(baseFeePerGas) + 1_000_000n, maxPriorityFeePerGas: 1_000_000n },
    };
    const hash = await request<Hex>('eth_sendRawTransaction', [await account.signTransaction(unsigned)]);
    const read = () => request<MinedReceipt | null>('eth_getTransactionReceipt', [hash]);
    await waitFor(async () => (await read()) !== null, { timeoutMs: 15_000, what: `the receipt of ${hash}` });
    const receipt = defined((await read()) ?? undefined);
    expect(receipt.status).toBe('0x1');
    newest = receipt.blockNumber;
    return receipt;
  };
  return {
    account: from,
    deploy: async ({ abi, bytecode }, args) => {
      const { contractAddress } = await send({ data: encodeDeployData({ abi, bytecode, args }) });
      return defined(contractAddress ?? undefined);
    },
    send: async ({ address, abi }, functionName, args) => {
      await send({ to: address, data: encodeFunctionData({ abi, functionName, args }) });
    },
    read: async ({ address, abi }, functionName, args) => {
      // Its reads go to the block that it polled last.
      const isSeen = async () => Number(await request<Hex>('eth_blockNumber')) >= Number(newest);
      await waitFor(isSeen, { timeoutMs: 15_000, what: `block ${newest}` });
      const call = { from, to: address, data: encodeFunctionData({ abi, functionName, args }) };
      const data = await request<Hex>('eth_call', [call, 'latest']);
      return decodeFunctionResult({ abi, functionName, data });
    },
  };
}
