import { Contract, type InterfaceAbi, WebSocketProvider } from 'ethers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { Web3 } from 'web3';
import type { Hex } from '../../src/util/bytes.ts';
import { createEthersDriver, type EthersDriver } from '../support/clients/ethers-driver.ts';
import { createMetaMaskDriver, type MetaMaskDriver } from '../support/clients/metamask-driver.ts';
import { BOX, type ClientDriver, useUniswapV2, useUpgradeableProxy } from '../support/clients/scenario.ts';
import { createViemDriver } from '../support/clients/viem-driver.ts';
import { createWeb3Driver, type Web3Driver } from '../support/clients/web3-driver.ts';
import { defined } from '../support/defined.ts';
import { TestDevnet } from '../support/test-devnet.ts';
import { waitFor } from '../support/wait-for.ts';

// All of it through a replica, as most users connect.

const CHAIN_ID = 16_181;
const FUNDS_WEI = 10_000n * 10n ** 18n;
const ZERO_HASH = `0x${'00'.repeat(32)}`;
const IN_TIME = { timeoutMs: 15_000 };

let devnet: TestDevnet;
let url: string;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1, chainId: CHAIN_ID });
  await devnet.start('sequencer');
  await devnet.start('replica-1');
  url = devnet.rpcUrl('replica-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

const keyOf = (account: number): Hex => defined(devnet.accounts[account]).privateKey;
const webSocketUrl = (): string => url.replace('http', 'ws');

describe('viem 2', () => {
  let driver: ClientDriver;
  beforeAll(() => {
    driver = createViemDriver(url, CHAIN_ID, keyOf(3));
  });

  test('deploys, uses and upgrades a proxy', () => useUpgradeableProxy(driver));

  test('trades on Uniswap V2 and reads through Multicall3', () => useUniswapV2(driver));
});

describe('ethers 6', () => {
  let driver: EthersDriver;
  beforeAll(() => {
    driver = createEthersDriver(url, keyOf(0));
  });
  afterAll(() => driver.provider.destroy());

  test('knows the network, blocks, fees and accounts', async () => {
    const { provider } = driver;
    expect((await provider.getNetwork()).chainId).toBe(BigInt(CHAIN_ID));
    expect(await provider.getBalance(driver.account)).toBe(FUNDS_WEI);
    const { maxFeePerGas, maxPriorityFeePerGas } = await provider.getFeeData();
    expect(defined(maxFeePerGas ?? undefined)).toBeGreaterThan(defined(maxPriorityFeePerGas ?? undefined));
    expect(await provider.getBlock(0, true)).toMatchObject({ number: 0, parentHash: ZERO_HASH });
  });

  test('deploys, uses and upgrades a proxy', () => useUpgradeableProxy(driver));

  test('trades on Uniswap V2 and reads through Multicall3', () => useUniswapV2(driver));

  test('is pushed blocks and events by WebSocket, and finds the events again', async () => {
    const socket = new WebSocketProvider(webSocketUrl());
    const address = await driver.deploy(BOX, []);
    const blocks: number[] = [];
    const values: bigint[] = [];
    await socket.on('block', (number: number) => blocks.push(number));
    const box = new Contract(address, BOX.abi as unknown as InterfaceAbi, socket);
    await box.on('ValueStored', (_by: string, value: bigint) => values.push(value));
    await driver.send({ address, abi: BOX.abi }, 'store', [3n]);
    await driver.send({ address, abi: BOX.abi }, 'store', [4n]);
    await waitFor(() => values.length === 2 && blocks.length > 0, { ...IN_TIME, what: 'events and a block are pushed' });
    expect(values).toEqual([3n, 4n]);
    const isFound = async () => (await box.queryFilter('ValueStored', 0)).length === 2;
    await waitFor(isFound, { ...IN_TIME, what: 'the logs are in sealed blocks' });
    await socket.destroy();
  });
});

describe('web3 4', () => {
  let driver: Web3Driver;
  beforeAll(() => {
    driver = createWeb3Driver(url, keyOf(1));
  });

  test('knows the network, blocks and accounts', async () => {
    const { eth } = driver.web3;
    expect(await eth.getChainId()).toBe(BigInt(CHAIN_ID));
    expect(await eth.net.getId()).toBe(BigInt(CHAIN_ID));
    expect(await eth.getBalance(driver.account)).toBe(FUNDS_WEI);
    expect(await eth.getBlock(0)).toMatchObject({ number: 0n, parentHash: ZERO_HASH });
    expect(await eth.getTransactionCount(driver.account)).toBe(0n);
  });

  test('deploys, uses and upgrades a proxy', () => useUpgradeableProxy(driver));

  test('trades on Uniswap V2 and reads through Multicall3', () => useUniswapV2(driver));

  test('is pushed logs and heads by WebSocket', async () => {
    const socket = new Web3(webSocketUrl());
    const address = await driver.deploy(BOX, []);
    const logs = await socket.eth.subscribe('logs', { address });
    const heads = await socket.eth.subscribe('newBlockHeaders');
    const seen = { topics: [] as number[], heads: 0 };
    logs.on('data', ({ topics }) => {
      seen.topics.push(defined(topics).length);
    });
    heads.on('data', () => {
      seen.heads++;
    });
    await driver.send({ address, abi: BOX.abi }, 'store', [3n]);
    await waitFor(() => seen.topics.length === 1 && seen.heads > 0, { ...IN_TIME, what: 'a log and a head are pushed' });
    expect(seen.topics).toEqual([2]);
    socket.provider?.disconnect();
  });
});

describe('MetaMask', () => {
  let driver: MetaMaskDriver;
  beforeAll(async () => {
    driver = await createMetaMaskDriver(url, CHAIN_ID, keyOf(2));
  });
  afterAll(() => driver.controller.destroy());

  test('takes the network as its own, with EIP-1559 and as available', async () => {
    const { controller } = driver;
    expect(await controller.getEIP1559Compatibility()).toBe(true);
    const { selectedNetworkClientId, networksMetadata } = controller.state;
    expect(networksMetadata[selectedNetworkClientId]).toMatchObject({ status: 'available', EIPS: { 1559: true } });
    expect(await driver.request('net_version')).toBe(String(CHAIN_ID));
    expect(BigInt(await driver.request<Hex>('eth_getBalance', [driver.account, 'latest']))).toBe(FUNDS_WEI);
  });

  test('deploys, uses and upgrades a proxy', () => useUpgradeableProxy(driver));

  test('trades on Uniswap V2 and reads through Multicall3', () => useUniswapV2(driver));

  test('follows the head with its block tracker', async () => {
    const { blockTracker } = defined(driver.controller.getSelectedNetworkClient());
    const seen: string[] = [];
    const note = (block: string): void => {
      seen.push(block);
    };
    blockTracker.on('latest', note);
    await waitFor(() => seen.length > 0, { ...IN_TIME, what: 'the present head' });
    // An idle chain has no need of blocks.
    await driver.deploy(BOX, []);
    await waitFor(() => new Set(seen).size > 1, { ...IN_TIME, what: 'the head moves' });
    blockTracker.removeListener('latest', note);
  });
});
