import { createPublicClient, createWalletClient, defineChain, http, type Log, webSocket } from 'viem';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../../src/util/bytes.ts';
import { CHAIN_ID } from '../../support/fake-backend.ts';
import { CONTRACT, LOGGER, REVERTER } from '../../support/fake-contracts.ts';
import { ALICE, BOB, INITIAL_BALANCE, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

const rpc = new RpcHarness();
beforeAll(() => rpc.start());
afterAll(() => rpc.stop());

const WATCHED_BLOCKS = 3;

describe.each(['http', 'webSocket'] as const)('viem over %s', (kind) => {
  const setUp = () => {
    const transport = kind === 'http' ? http(rpc.httpUrl) : webSocket(rpc.wsUrl, { reconnect: false, keepAlive: false });
    const chain = defineChain({
      id: CHAIN_ID,
      name: 'test',
      nativeCurrency: { name: 'Ether', symbol: 'ETH', decimals: 18 },
      rpcUrls: { default: { http: [rpc.httpUrl] } },
    });
    return {
      client: createPublicClient({ chain, transport, pollingInterval: 20, cacheTime: 0 }),
      wallet: createWalletClient({ chain, transport, account: ALICE }),
    };
  };

  it('reads the chain', async () => {
    const { client } = setUp();
    rpc.chain.seal();
    expect(await client.getChainId()).toBe(CHAIN_ID);
    expect(await client.getBlockNumber()).toBe(BigInt(rpc.chain.blocks.length - 1));
    const block = await client.getBlock({ includeTransactions: true });
    expect(block.number).toBe(BigInt(rpc.chain.blocks.length - 1));
    expect((await client.getBlock({ blockTag: 'pending' })).number).toBeDefined();
    expect(await client.getBalance({ address: ALICE.address })).toBeLessThanOrEqual(INITIAL_BALANCE);
    expect(await client.getCode({ address: toHex(CONTRACT) })).toBe('0x60016002');
    expect(await client.getBlobBaseFee()).toBe(1n);
    expect((await client.getFeeHistory({ blockCount: 2, rewardPercentiles: [25, 75] })).reward).toHaveLength(2);
    await expect(client.call({ to: toHex(REVERTER) })).rejects.toThrow('user error');
  });

  it('fills in, signs, sends and waits for a transaction', async () => {
    const { client, wallet } = setUp();
    const hash = await wallet.sendTransaction({ to: BOB.address, value: 5n });
    expect((await client.getTransaction({ hash })).blockNumber).toBeNull();
    rpc.chain.mine();
    const receipt = await client.waitForTransactionReceipt({ hash });
    expect(receipt).toMatchObject({ status: 'success', from: ALICE.address.toLowerCase(), gasUsed: 21_000n });
    rpc.chain.seal();
    expect((await client.getTransactionReceipt({ hash })).blockHash).toBe(
      toHex(rpc.chain.blocks.at(-1)?.hash ?? new Uint8Array(0)),
    );
  });

  it('sends and gets the receipt in one call', async () => {
    const { client, wallet } = setUp();
    rpc.chain.includesAtOnce = true;
    const nonce = await client.getTransactionCount({ address: ALICE.address, blockTag: 'pending' });
    const receipt = await wallet.sendRawTransactionSync({ serializedTransaction: await signTransfer({ nonce }), timeout: 1_000 });
    rpc.chain.includesAtOnce = false;
    expect(receipt).toMatchObject({ status: 'success', blockNumber: BigInt(rpc.chain.blocks.length) });
    const again = await signTransfer({ nonce, value: 99n });
    await expect(wallet.sendRawTransactionSync({ serializedTransaction: again })).rejects.toThrow('nonce too low');
  });

  it('watches blocks', async () => {
    const { client } = setUp();
    const seen: bigint[] = [];
    const stop = client.watchBlocks({ onBlock: ({ number }) => seen.push(number), emitMissed: true });
    await vi.waitUntil(
      () => {
        if (seen.length < WATCHED_BLOCKS) rpc.chain.seal();
        return seen.length >= WATCHED_BLOCKS;
      },
      { interval: 30, timeout: 5_000 },
    );
    stop();
    expect(seen.every((number, at) => at === 0 || number > (seen[at - 1] as bigint))).toBe(true);
  });

  it('watches events', async () => {
    const { client } = setUp();
    const seen: Log[] = [];
    const stop = client.watchEvent({
      address: toHex(LOGGER),
      onLogs: (logs) => seen.push(...logs),
      ...(kind === 'http' ? { poll: true } : {}),
    });
    const listens = () =>
      kind === 'http'
        ? rpc.metric('rpc_calls_total{method="eth_getFilterChanges",outcome="ok"}')
        : rpc.metric('rpc_subscriptions');
    await vi.waitUntil(async () => ((await listens()) ?? 0) > 0, { interval: 5, timeout: 5_000 });
    const nonce = await client.getTransactionCount({ address: ALICE.address, blockTag: 'pending' });
    await client.sendRawTransaction({
      serializedTransaction: await signTransfer({ nonce, to: toHex(LOGGER), data: `0x${'07'.repeat(32)}` }),
    });
    rpc.chain.seal();
    await vi.waitUntil(() => seen.length > 0, { interval: 5, timeout: 5_000 });
    stop();
    expect(seen).toMatchObject([{ address: toHex(LOGGER), blockNumber: BigInt(rpc.chain.blocks.length - 1), removed: false }]);
  });
});

it('viem batches over HTTP', async () => {
  const client = createPublicClient({ transport: http(rpc.httpUrl, { batch: true }) });
  const [chainId, balance, number] = await Promise.all([
    client.getChainId(),
    client.getBalance({ address: BOB.address }),
    client.getBlockNumber(),
  ]);
  expect([chainId, typeof balance, typeof number]).toEqual([CHAIN_ID, 'bigint', 'bigint']);
});
