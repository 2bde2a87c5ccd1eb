import { readFileSync } from 'node:fs';
import { type Abi, encodeFunctionData, parseAbi } from 'viem';
import { expect } from 'vitest';
import { contractArtifact } from '../../../src/bench/artifacts.ts';
import type { Hex } from '../../../src/util/bytes.ts';
import { TOKEN } from '../mixed-load.ts';

export interface Artifact {
  readonly abi: Abi;
  readonly bytecode: Hex;
}

export interface Contract {
  readonly address: Hex;
  readonly abi: Abi;
}

/** A client library as its users drive it. Numbers are bigints in and out. */
export interface ClientDriver {
  readonly account: Hex;
  deploy(artifact: Artifact, args: readonly unknown[]): Promise<Hex>;
  /** Sends a call and waits for its receipt. Rejects when it reverts, with the reason in the error. */
  send(contract: Contract, name: string, args: readonly unknown[]): Promise<void>;
  read(contract: Contract, name: string, args: readonly unknown[]): Promise<unknown>;
}

const ARTIFACTS = JSON.parse(readFileSync(new URL('../../contracts/artifacts.json', import.meta.url), 'utf8')) as Readonly<
  Record<'BoxV1' | 'BoxV2' | 'ERC1967Proxy', Artifact>
>;

export const BOX = ARTIFACTS.BoxV1;

/** Where every genesis file of a devnet has it, as most chains do. */
const MULTICALL3: Contract = {
  address: '0xcA11bde05977b3631167028862bE2a173976CA11',
  abi: parseAbi([
    'struct Call3 { address target; bool allowFailure; bytes callData; }',
    'struct Result { bool success; bytes returnData; }',
    'function aggregate3(Call3[] calls) payable returns (Result[] returnData)',
  ]),
};
const SUPPLY = 10n ** 24n;
const POOLED = 10n ** 21n;
const SWAPPED = 10n ** 18n;
/** Far in the future, seconds. */
const DEADLINE = 10n ** 11n;

/** A proxy keeps its address and its storage while its logic is exchanged. */
export async function useUpgradeableProxy(client: ClientDriver): Promise<void> {
  const first = await client.deploy(ARTIFACTS.BoxV1, []);
  const initialise = encodeFunctionData({ abi: ARTIFACTS.BoxV1.abi, functionName: 'initialize', args: [41n] });
  const address = await client.deploy(ARTIFACTS.ERC1967Proxy, [first, initialise]);
  const box = { address, abi: ARTIFACTS.BoxV1.abi };
  expect(await client.read(box, 'value', [])).toBe(41n);
  await expect(client.send(box, 'initialize', [1n])).rejects.toMatchObject({ message: expect.stringContaining('initialized') });
  await client.send(box, 'store', [7n]);
  const second = await client.deploy(ARTIFACTS.BoxV2, []);
  await client.send(box, 'upgradeToAndCall', [second, '0x']);
  const upgraded = { address, abi: ARTIFACTS.BoxV2.abi };
  await client.send(upgraded, 'increment', []);
  expect(await client.read(upgraded, 'value', [])).toBe(8n);
  expect(await client.read(upgraded, 'owner', [])).toBe(client.account);
}

/** Two tokens, a pool of them, and a swap through the router; balances are read through Multicall3. */
export async function useUniswapV2(client: ClientDriver): Promise<void> {
  const token = async (symbol: string): Promise<Contract> => ({
    address: await client.deploy(TOKEN, [`Token ${symbol}`, symbol, SUPPLY, client.account]),
    abi: TOKEN.abi,
  });
  const tokens = [await token('A'), await token('B')] as const;
  const [a, b] = tokens;
  const weth = await client.deploy(contractArtifact('WETH9'), []);
  const factory = contractArtifact('UniswapV2Factory');
  const factoryAddress = await client.deploy(factory, [client.account]);
  const routerArtifact = contractArtifact('UniswapV2Router02');
  const router = { address: await client.deploy(routerArtifact, [factoryAddress, weth]), abi: routerArtifact.abi };
  for (const { address, abi } of tokens) await client.send({ address, abi }, 'approve', [router.address, SUPPLY]);
  const amounts = [POOLED, POOLED, 0n, 0n] as const;
  await client.send(router, 'addLiquidity', [a.address, b.address, ...amounts, client.account, DEADLINE]);
  await client.send(router, 'swapExactTokensForTokens', [SWAPPED, 0n, [a.address, b.address], client.account, DEADLINE]);

  const pair = await client.read({ address: factoryAddress, abi: factory.abi }, 'getPair', [a.address, b.address]);
  const balanceOf = (owner: unknown) => encodeFunctionData({ abi: TOKEN.abi, functionName: 'balanceOf', args: [owner] });
  const calls = tokens.map(({ address }) => ({ target: address, allowFailure: false, callData: balanceOf(pair) }));
  const results = (await client.read(MULTICALL3, 'aggregate3', [calls])) as readonly { returnData: Hex }[];
  // Constant product with a fee of 0.3 % (UniswapV2Library.getAmountOut).
  const paid = SWAPPED * 997n;
  const received = (paid * POOLED) / (POOLED * 1_000n + paid);
  expect(results.map(({ returnData }) => BigInt(returnData))).toEqual([POOLED + SWAPPED, POOLED - received]);
  expect(await client.read(b, 'balanceOf', [client.account])).toBe(SUPPLY - POOLED + received);
}
