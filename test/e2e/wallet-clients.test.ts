import { execFile } from 'node:child_process';
import { join } from 'node:path';
import {
  createPublicClient,
  createWalletClient,
  erc20Abi,
  http,
  type Log,
  type PublicClient,
  parseEther,
  parseGwei,
  type WalletClient,
  webSocket,
} from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type Hex, toHex } from '../../src/util/bytes.ts';
import { chainAt } from '../support/clients/viem-driver.ts';
import { initCodeOf, LOG } from '../support/contracts.ts';
import { defined } from '../support/defined.ts';
import { TOKEN, tokenCreation } from '../support/mixed-load.ts';
import { TestDevnet } from '../support/test-devnet.ts';
import { waitFor } from '../support/wait-for.ts';

const CHAIN_ID = 16_180;
const CAST = join(import.meta.dirname, '..', '..', 'node_modules', '.bin', 'cast');
const STRANGER = '0x000000000000000000000000000000000000bEEF';

let devnet: TestDevnet;
let sequencer: PublicClient;
let replica: PublicClient;
let wallet: WalletClient;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1, chainId: CHAIN_ID });
  await devnet.start('sequencer');
  await devnet.start('replica-1');
  sequencer = createPublicClient({
    chain: chainAt(devnet.rpcUrl('sequencer'), CHAIN_ID),
    transport: http(),
    pollingInterval: 20,
  });
  replica = createPublicClient({ chain: chainAt(devnet.rpcUrl('replica-1'), CHAIN_ID), transport: http(), pollingInterval: 20 });
  wallet = walletOf(0, 'sequencer');
});

afterAll(() => devnet[Symbol.asyncDispose]());

function walletOf(index: number, node: string): WalletClient {
  return createWalletClient({ account: devnet.account(index), chain: chainAt(devnet.rpcUrl(node), CHAIN_ID), transport: http() });
}

/** What every wallet call needs again, since the client's type does not know that it has them. */
function of(client: WalletClient) {
  return { account: defined(client.account), chain: defined(client.chain) };
}

async function deployToken(client: WalletClient): Promise<Hex> {
  const owner = defined(client.account).address;
  const hash = await client.deployContract({ ...of(client), ...TOKEN, args: ['Test Token', 'TEST', 1_000n, owner] });
  const { contractAddress } = await sequencer.waitForTransactionReceipt({ hash });
  return defined(contractAddress ?? undefined);
}

describe('viem', () => {
  test('sends ETH with nothing but an address and an amount', async () => {
    expect(await sequencer.getChainId()).toBe(CHAIN_ID);
    const value = parseEther('1.5');
    const hash = await wallet.sendTransaction({ ...of(wallet), to: STRANGER, value });
    const startedMs = performance.now();
    const receipt = await sequencer.waitForTransactionReceipt({ hash });
    console.info(`receipt by polling after ${(performance.now() - startedMs).toFixed(1)} ms`);
    expect(receipt).toMatchObject({ status: 'success', gasUsed: 21_000n, type: 'eip1559' });
    expect(await sequencer.getBalance({ address: STRANGER })).toBe(value);
    expect(await sequencer.getTransaction({ hash })).toMatchObject({ value, nonce: 0, blockNumber: receipt.blockNumber });
  });

  test.each(['sequencer', 'replica-1'])('has the receipt in the answer of the send, through %s', async (node) => {
    const client = walletOf(1, node);
    const sender = of(client);
    const reader = node === 'sequencer' ? sequencer : replica;
    for (let i = 0; i < 5; i++) {
      const request = await client.prepareTransactionRequest({ ...sender, to: STRANGER, value: 1n });
      const serializedTransaction = await client.signTransaction(request as Parameters<WalletClient['signTransaction']>[0]);
      const balanceBefore = await reader.getBalance({ address: STRANGER });
      const startedMs = performance.now();
      const receipt = await client.sendRawTransactionSync({ serializedTransaction });
      console.info(`receipt from ${node} in ${(performance.now() - startedMs).toFixed(1)} ms`);
      expect(receipt.status).toBe('success');
      // The node that answered shows the effect already.
      expect(await reader.getBalance({ address: STRANGER })).toBe(balanceBefore + 1n);
      expect((await reader.getTransactionReceipt({ hash: receipt.transactionHash })).status).toBe('success');
    }
  });

  test('deploys an ERC-20, uses it, and watches its logs on a replica by WebSocket', async () => {
    const token = await deployToken(wallet);
    const url = devnet.rpcUrl('replica-1').replace('http', 'ws');
    const transport = webSocket(url, { reconnect: false });
    const watcher = createPublicClient({ chain: chainAt(devnet.rpcUrl('replica-1'), CHAIN_ID), transport });
    await waitFor(async () => (await replica.getCode({ address: token })) !== undefined, { what: 'the token is on the replica' });
    const logs: Log[] = [];
    const failures: Error[] = [];
    const unwatch = watcher.watchContractEvent({
      ...{ abi: erc20Abi, address: token, eventName: 'Transfer', args: { to: STRANGER }, poll: false },
      onLogs: (batch) => logs.push(...batch),
      onError: (error) => failures.push(error),
    });
    // A subscription has no answer in viem's interface: a request behind it on the same socket does.
    await watcher.getBlockNumber();
    const call = { ...of(wallet), abi: erc20Abi, address: token, functionName: 'transfer' } as const;
    const hash = await wallet.writeContract({ ...call, args: [STRANGER, 7n] });
    expect((await sequencer.waitForTransactionReceipt({ hash })).status).toBe('success');
    await waitFor(() => logs.length > 0 || failures.length > 0, { timeoutMs: 15_000, what: 'the log is pushed' });
    unwatch();
    (await watcher.transport.getRpcClient()).close();
    expect(failures).toEqual([]);
    const owner = defined(wallet.account).address;
    expect(logs).toMatchObject([{ address: token, transactionHash: hash, args: { from: owner, to: STRANGER, value: 7n } }]);
    const balanceOf = { abi: erc20Abi, address: token, functionName: 'balanceOf', args: [STRANGER] } as const;
    expect(await replica.readContract(balanceOf)).toBe(7n);
    await expect(replica.simulateContract({ ...call, args: [STRANGER, 10n ** 30n] })).rejects.toThrow(
      /ERC20InsufficientBalance|reverted/,
    );
  });

  test('counts what waits in the pool in the pending nonce, on the sequencer and on a replica', async () => {
    const client = walletOf(2, 'replica-1');
    const { address } = devnet.account(2);
    const nonce = await replica.getTransactionCount({ address });
    const fees = { maxFeePerGas: parseGwei('10'), maxPriorityFeePerGas: 1n };
    const later = { ...of(client), ...fees, to: STRANGER, value: 1n, gas: 21_000n } as const;
    // Behind a gap it waits, and does not count: the next one to send is still the one that is missing.
    const waiting = await client.sendTransaction({ ...later, nonce: nonce + 1 });
    expect(await replica.getTransactionCount({ address, blockTag: 'pending' })).toBe(nonce);
    const first = await client.sendTransaction({ ...later, nonce });
    expect((await replica.waitForTransactionReceipt({ hash: waiting })).status).toBe('success');
    expect((await replica.waitForTransactionReceipt({ hash: first })).status).toBe('success');
    for (const reader of [sequencer, replica]) {
      expect(await reader.getTransactionCount({ address, blockTag: 'pending' })).toBe(nonce + 2);
    }
  });

  test('is told in plain words what the pool refuses, through a replica too', async () => {
    const client = walletOf(3, 'replica-1');
    const sender = of(client);
    const past = { ...sender, to: STRANGER, value: 1n } as const;
    await client.sendTransactionSync(past);
    await expect(client.sendTransaction({ ...past, nonce: 0 })).rejects.toThrow(/nonce too low/i);
    const poor = client.sendTransaction({ ...past, value: parseEther('1000000'), gas: 21_000n });
    await expect(poor).rejects.toThrow(/insufficient funds/i);
  });
});

describe('cast', () => {
  let url: string;
  let key: Hex;
  let from: Hex;
  let missing: string | undefined;

  beforeAll(async () => {
    url = devnet.rpcUrl('replica-1');
    const account = defined(devnet.accounts[5]);
    key = account.privateKey;
    from = account.address;
    const version = await run(['--version']);
    if (version.code === 0) return;
    missing = `cast does not run here: ${version.stderr.split('\n')[0]}`;
    console.warn(missing);
  });

  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  function run(args: readonly string[]): Promise<{ code: number; stdout: string; stderr: string }> {
    return new Promise((resolve) => {
      const env = { ...process.env, ETH_RPC_URL: url, FOUNDRY_DISABLE_NIGHTLY_WARNING: '1', NO_PROXY: '127.0.0.1' };
      execFile(CAST, [...args], { env, timeout: 30_000 }, (error, stdout, stderr) => {
        resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout: stdout.trim(), stderr });
      });
    });
  }

  async function cast(...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await run(args);
    expect({ args, code, stderr: code === 0 ? '' : stderr }).toEqual({ args, code: 0, stderr: '' });
    return stdout;
  }

  test('reads the chain', async () => {
    expect(await cast('chain-id')).toBe(`${CHAIN_ID}`);
    expect(await cast('balance', from, '--ether')).toBe('10000.000000000000000000');
    expect(Number(await cast('block-number'))).toBe(Number(await replica.getBlockNumber()));
    const block = JSON.parse(await cast('block', 'latest', '--json')) as { hash: Hex; number: Hex };
    expect(block.hash).toBe((await replica.getBlock({ blockNumber: BigInt(block.number) })).hash);
    expect(await cast('estimate', STRANGER, '--value', '1', '--from', from)).toBe('21000');
    expect(await cast('code', '0x4e59b44847b379578588920cA78FbF26c0B4956C')).toMatch(/^0x7f/);
  });

  test('sends, deploys, calls and reads receipts and logs', async () => {
    const signed = ['--private-key', key, '--json'];
    const sent = JSON.parse(await cast('send', STRANGER, '--value', '1gwei', ...signed)) as { status: Hex; transactionHash: Hex };
    expect(sent.status).toBe('0x1');
    const receipt = JSON.parse(await cast('receipt', sent.transactionHash, '--json')) as { gasUsed: Hex; from: Hex };
    expect(receipt).toMatchObject({ gasUsed: '0x5208', from: from.toLowerCase() });
    const created = JSON.parse(await cast('send', ...signed, '--create', tokenCreation(from, 500n))) as { contractAddress: Hex };
    const token = created.contractAddress;
    expect(await cast('call', token, 'symbol()(string)')).toBe('"TEST"');
    const used = JSON.parse(await cast('send', token, 'transfer(address,uint256)', STRANGER, '9', ...signed)) as {
      blockNumber: Hex;
    };
    expect(await cast('call', token, 'balanceOf(address)(uint256)', STRANGER)).toBe('9');
    // `latest`, up to which cast asks for logs, is the newest sealed block.
    await waitFor(async () => Number(await replica.getBlockNumber()) >= Number(used.blockNumber), { timeoutMs: 15_000 });
    const logs = JSON.parse(
      await cast('logs', '--address', token, '--from-block', '0', 'Transfer(address indexed,address indexed,uint256)', '--json'),
    );
    expect(logs).toMatchObject([{ address: token.toLowerCase() }, { address: token.toLowerCase() }]);
    expect(await cast('nonce', from)).toBe('3');
  });

  test('creates a contract without a constructor and estimates a call of it', async () => {
    const created = JSON.parse(await cast('send', '--private-key', key, '--json', '--create', toHex(initCodeOf(LOG)))) as {
      contractAddress: Hex;
    };
    expect(await cast('code', created.contractAddress)).toBe(toHex(LOG));
    expect(Number(await cast('estimate', created.contractAddress, `0x${'11'.repeat(64)}`, '--from', from))).toBeGreaterThan(
      21_000,
    );
  });
});
