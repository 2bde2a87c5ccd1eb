import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createPublicClient, encodeFunctionData, erc20Abi, http, type PublicClient } from 'viem';
import { privateKeyToAccount } from 'viem/accounts';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import WebSocket from 'ws';
import { deriveDevnetAccounts } from '../../src/node/devnet-accounts.ts';
import { type Hex, toHex } from '../../src/util/bytes.ts';
import { expectSameChain, receiptsOf } from '../support/chain-agreement.ts';
import { LOG } from '../support/contracts.ts';
import { defined } from '../support/defined.ts';
import { freePorts, isPortFree } from '../support/free-ports.ts';
import { nodeInfo, type RpcReceiptJson, rpc, rpcBatch } from '../support/json-rpc.ts';
import { type LoadKind, MixedLoad, tokenCreation } from '../support/mixed-load.ts';
import { childrenOf, isAlive, NodeProcess, page } from '../support/node-process.ts';
import { RpcSocket } from '../support/rpc-harness.ts';
import { waitFor } from '../support/wait-for.ts';

const CHAIN_ID = 27_182;
const TRANSACTIONS = 2_000;
const SENDERS = 40;
/** Transactions handed over in one request. */
const BATCH = 100;
/** Sequencer, two replicas, one prover. */
const PROCESSES = 4;
const TOKENS_EACH = 1_000n;
const TRANSFER_TOPIC = '0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef';

const accounts = deriveDevnetAccounts(50).accounts.map(({ privateKey }) => privateKeyToAccount(privateKey));
const addresses = accounts.map(({ address }) => address);
const senders = accounts.slice(1, 1 + SENDERS);
const deployer = defined(accounts[0]);

interface Resources {
  readonly openBlock: object | null;
  readonly sealedBlock: { readonly gasUsed: Hex; readonly transactions: Hex } | null;
  readonly state: { readonly accounts: Hex };
}

let folder: string;
let devnet: NodeProcess;
let childPids: number[] = [];
let ports: number[] = [];
let sequencerUrl: string;
let urls: string[] = [];
let proverMetricsUrl: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'strobe-devnet-'));
  const base = await freePorts(3 * PROCESSES);
  ports = Array.from({ length: 3 * PROCESSES }, (_, index) => base + index);
  sequencerUrl = `http://127.0.0.1:${base}`;
  urls = [sequencerUrl, `http://127.0.0.1:${base + 1}`, `http://127.0.0.1:${base + 2}`];
  proverMetricsUrl = `http://127.0.0.1:${base + PROCESSES + 3}/metrics`;
  await startDevnet('--fresh');
});

async function startDevnet(...more: readonly string[]): Promise<void> {
  const [base] = ports as [number];
  const flags = {
    ...{ 'rpc-port': base, 'metrics-port': base + PROCESSES, 'p2p-port': base + 2 * PROCESSES },
    ...{ 'chain-id': CHAIN_ID, 'data-dir': join(folder, 'data') },
  };
  const args = Object.entries(flags).flatMap(([flag, value]) => [`--${flag}`, `${value}`]);
  // On its own, as a person starts it: Ctrl-C must reach it.
  devnet = new NodeProcess('devnet', ['devnet', ...args, ...more], { supervised: false });
  await devnet.until(() => devnet.output.includes('devnet is ready'), 'devnet is ready');
  childPids = childrenOf(devnet.pid);
}

afterAll(async () => {
  // The supervisor ends its processes; should it fail to, they must not outlive the test either.
  if (!devnet.hasExited) await Promise.race([devnet.stop(), waitFor(() => devnet.hasExited, { timeoutMs: 20_000 })]);
  for (const pid of childPids.filter(isAlive)) process.kill(pid, 'SIGKILL');
  rmSync(folder, { recursive: true, force: true });
});

function clientOf(url: string): PublicClient {
  return createPublicClient({ transport: http(url), pollingInterval: 50 });
}

/** Deploys the token and gives every sender some. */
async function deployToken(): Promise<Hex> {
  const fees = { type: 'eip1559', chainId: CHAIN_ID, maxFeePerGas: 10_000_000_000n } as const;
  const creation = { ...fees, nonce: 0, gas: 3_000_000n, data: tokenCreation(deployer.address, 1_000_000n) };
  const creationHash = await rpc<Hex>(sequencerUrl, 'eth_sendRawTransaction', [await deployer.signTransaction(creation)]);
  const client = clientOf(sequencerUrl);
  const { contractAddress } = await client.waitForTransactionReceipt({ hash: creationHash });
  const token = defined(contractAddress ?? undefined);
  const raws = await Promise.all(
    senders.map(({ address }, index) => {
      const data = encodeFunctionData({ abi: erc20Abi, functionName: 'transfer', args: [address, TOKENS_EACH] });
      return deployer.signTransaction({ ...fees, nonce: 1 + index, gas: 100_000n, to: token, data });
    }),
  );
  const hashes = await rpcBatch<Hex>(
    sequencerUrl,
    'eth_sendRawTransaction',
    raws.map((raw) => [raw]),
  );
  await client.waitForTransactionReceipt({ hash: defined(hashes.at(-1)) });
  return token;
}

/** Receipts of all `hashes`; undefined while one is missing. */
async function allReceipts(url: string, hashes: readonly Hex[]): Promise<RpcReceiptJson[] | undefined> {
  const receipts: RpcReceiptJson[] = [];
  for (let start = 0; start < hashes.length; start += BATCH) {
    const calls = hashes.slice(start, start + BATCH).map((hash) => [hash]);
    const batch = await rpcBatch<RpcReceiptJson | null>(url, 'eth_getTransactionReceipt', calls);
    for (const receipt of batch) {
      if (receipt === null) return undefined;
      receipts.push(receipt);
    }
  }
  return receipts;
}

describe('strobe devnet under a mixed load', () => {
  let load: MixedLoad;
  let token: Hex;
  let lastBlock: number;
  const hashes: Hex[] = [];

  test('takes 2,000 transactions of every kind, sent to all of its nodes', async () => {
    token = await deployToken();
    load = new MixedLoad({ chainId: CHAIN_ID, token });
    await load.sign(senders, TRANSACTIONS);
    const raws = load.transactions.map(({ raw }) => [raw]);
    for (let start = 0; start < raws.length; start += BATCH) {
      // Replicas forward: one batch in four goes to each of them.
      const url = defined(urls[[0, 1, 0, 2][(start / BATCH) % 4] ?? 0]);
      hashes.push(...(await rpcBatch<Hex>(url, 'eth_sendRawTransaction', raws.slice(start, start + BATCH))));
    }
    expect(new Set(hashes).size).toBe(TRANSACTIONS);
  });

  test('every one ended as its kind must, on every node', async () => {
    const statuses = new Map<LoadKind, Set<string>>();
    for (const url of urls) {
      const receipts = await devnet.until(() => allReceipts(url, hashes), `all receipts at ${url}`, 60_000);
      for (const [i, { kind }] of load.transactions.entries()) {
        statuses.set(kind, (statuses.get(kind) ?? new Set()).add(defined(receipts[i]).status));
      }
    }
    const success = new Set(['0x1']);
    const failure = new Set(['0x0']);
    expect(Object.fromEntries(statuses)).toEqual({
      ...{ transfer: success, legacy: success, accessList: success, token: success },
      ...{ creation: success, delegation: success, revert: failure },
    });
  });

  test('balances, tokens, contracts and delegations are what the load adds up to, on every node', async () => {
    const { balances, tokens, contracts, delegations } = load.expected;
    expect(delegations.size).toBe(TRANSACTIONS / 250);
    for (const url of urls) {
      const client = clientOf(url);
      for (const [address, wei] of balances) expect(await client.getBalance({ address })).toBe(wei);
      for (const [address, units] of tokens) {
        expect(await client.readContract({ abi: erc20Abi, address: token, functionName: 'balanceOf', args: [address] })).toBe(
          units,
        );
      }
      for (const [address, code] of delegations) expect(await client.getCode({ address })).toBe(code);
      const codes = await rpcBatch<Hex>(
        url,
        'eth_getCode',
        contracts.map((address) => [address, 'latest']),
      );
      expect(new Set(codes)).toEqual(new Set([toHex(LOG)]));
    }
  });

  test('safe and finalized reach the head on every node', async () => {
    const receipts = await devnet.until(async () => {
      const found = defined(await allReceipts(sequencerUrl, hashes));
      return found.some(({ blockHash }) => /^0x0+$/.test(blockHash)) ? undefined : found;
    }, 'all transactions are in sealed blocks');
    lastBlock = Math.max(...receipts.map(({ blockNumber }) => Number(blockNumber)));
    for (const url of urls) {
      for (const tag of ['safe', 'finalized'] as const) {
        await devnet.until(
          async () => Number((await nodeInfo(url))[tag]) >= lastBlock,
          `${tag} of ${url} reaches ${lastBlock}`,
          60_000,
        );
      }
    }
    const metrics = defined(await page(proverMetricsUrl)).body;
    expect(Number(/^strobe_prover_attested_block_number (\d+)$/m.exec(metrics)?.[1])).toBeGreaterThanOrEqual(lastBlock);
  });

  test('every node shows the same blocks, state roots, receipts, logs and balances', async () => {
    const toBlock = toQuantity(lastBlock);
    const whole = { fromBlock: '0x0', toBlock };
    const [recipient] = load.expected.tokens.keys();
    const topic = `0x${defined(recipient).slice(2).toLowerCase().padStart(64, '0')}`;
    await expectSameChain(urls, { from: 0, to: lastBlock }, [
      whole,
      { ...whole, address: token },
      { ...whole, topics: [TRANSFER_TOPIC] },
      { ...whole, address: token, topics: [TRANSFER_TOPIC, null, topic] },
      { ...whole, fromBlock: toQuantity(lastBlock - 1) },
    ]);
    // One deployment, the senders' tokens, the load.
    expect((await receiptsOf(sequencerUrl, 1, lastBlock)).flat()).toHaveLength(1 + SENDERS + TRANSACTIONS);
    const ofAccounts = (url: string, method: string) =>
      rpcBatch(
        url,
        method,
        addresses.map((address) => [address, 'latest']),
      );
    for (const url of urls.slice(1)) {
      expect(await ofAccounts(url, 'eth_getBalance')).toEqual(await ofAccounts(sequencerUrl, 'eth_getBalance'));
      expect(await ofAccounts(url, 'eth_getTransactionCount')).toEqual(await ofAccounts(sequencerUrl, 'eth_getTransactionCount'));
      expect(await rpc(url, 'strobe_equivocations')).toEqual([]);
    }
  });

  test('a replica traces every transaction as its receipt says, and every node has the witnesses', async () => {
    const [, replica] = urls as [string, string];
    for (let number = 1; number <= lastBlock; number++) {
      const traces = await rpc<BlockTraceJson>(replica, 'debug_traceBlockByNumber', [
        toQuantity(number),
        { tracer: 'callTracer', tracerConfig: { withLog: true } },
      ]);
      const receipts = await rpc<RpcReceiptJson[]>(replica, 'eth_getBlockReceipts', [toQuantity(number)]);
      const asReceipts = traces.map(({ txHash, result }) => [
        txHash,
        result.gasUsed,
        result.error === undefined,
        logCount(result),
      ]);
      expect(asReceipts).toEqual(
        receipts.map(({ transactionHash, gasUsed, status, logs }) => [transactionHash, gasUsed, status === '0x1', logs.length]),
      );
    }
    const hash = defined(hashes[0]);
    const [first, ...others] = await Promise.all(urls.map((url) => rpc(url, 'debug_traceTransaction', [hash])));
    for (const trace of others) expect(trace).toEqual(first);
    const witnesses = await Promise.all(urls.map((url) => rpc(url, 'debug_executionWitness', [toQuantity(lastBlock)])));
    expect(witnesses[0]).toMatchObject({ headers: [expect.any(String)], state: expect.any(Array), keys: expect.any(Array) });
    for (const witness of witnesses) expect(witness).toEqual(witnesses[0]);
  });

  test('a replica shows what enters the pool of the sequencer, by WebSocket and by filter', async () => {
    const replica = defined(urls[2]);
    const connection = new WebSocket(replica.replace('http', 'ws'));
    await once(connection, 'open');
    const socket = new RpcSocket(connection);
    const hashes = await socket.subscribe('newPendingTransactions');
    const whole = await socket.subscribe('newPendingTransactions', true);
    const filter = await rpc<Hex>(replica, 'eth_newPendingTransactionFilter');
    const sender = defined(accounts.at(-2));
    const fields = { type: 'eip1559', chainId: CHAIN_ID, gas: 21_000n, maxFeePerGas: 10_000_000_000n } as const;
    const sent: Hex[] = [];
    // The first ones may be earlier than the replica's wish.
    await devnet.until(async () => {
      const raw = await sender.signTransaction({ ...fields, nonce: sent.length, to: deployer.address });
      sent.push(await rpc<Hex>(sequencerUrl, 'eth_sendRawTransaction', [raw]));
      return socket.pushes(hashes).length > 1 && socket.pushes(whole).length > 1;
    }, 'pending transactions are shown');
    const [hash] = socket.pushes(hashes);
    expect(sent).toContain(hash);
    const nonce = sent.indexOf(hash);
    const shown = socket.pushes(whole).find((transaction) => transaction.hash === hash);
    expect(shown).toMatchObject({ from: sender.address.toLowerCase(), nonce: `0x${nonce.toString(16)}`, blockHash: null });
    expect(await rpc<Hex[]>(replica, 'eth_getFilterChanges', [filter])).toContain(hash);
    connection.close();
  });

  test('every node counts the same resources', async () => {
    // The block of the transactions above stays the newest for the length of an idle beat.
    const answers = await devnet.until(async () => {
      const all = await Promise.all(urls.map((url) => rpc<Resources>(url, 'strobe_resources')));
      const blocks = new Set(all.map(({ sealedBlock }) => JSON.stringify(sealedBlock)));
      return blocks.size === 1 && all.every(({ openBlock }) => openBlock === null) ? all : undefined;
    }, 'every node has counted the newest block');
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    const { state, sealedBlock } = defined(answers[0]);
    expect(Number(state.accounts)).toBeGreaterThan(SENDERS);
    expect(Number(sealedBlock?.gasUsed)).toBe(21_000 * Number(sealedBlock?.transactions));
  });

  test('a transaction behind a nonce gap is in the pool that every node shows', async () => {
    const account = defined(accounts.at(-1));
    const fields = { type: 'eip1559', chainId: CHAIN_ID, nonce: 2, gas: 21_000n, maxFeePerGas: 10_000_000_000n } as const;
    const raw = await account.signTransaction({ ...fields, to: deployer.address });
    const hash = await rpc<Hex>(defined(urls[1]), 'eth_sendRawTransaction', [raw]);
    for (const url of urls) {
      expect(await rpc(url, 'txpool_status')).toEqual({ pending: '0x0', queued: '0x1' });
      const listed = { pending: {}, queued: { 2: expect.objectContaining({ hash }) } };
      expect(await rpc(url, 'txpool_contentFrom', [account.address])).toEqual(listed);
      expect(await rpc(url, 'txpool_content')).toEqual({ pending: {}, queued: { [account.address]: listed.queued } });
      expect(await rpc(url, 'debug_getRawTransaction', [hash])).toBe(raw);
    }
  });

  test('Ctrl-C ends it cleanly, with all of its processes and ports', async () => {
    expect(childPids).toHaveLength(PROCESSES);
    expect(childPids.filter(isAlive)).toEqual(childPids);
    expect(await devnet.stop('SIGINT')).toEqual({ code: 0, signal: null });
    await waitFor(() => childPids.filter(isAlive).length === 0, { what: 'no process is left' });
    expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
  });

  test('started again it goes on where it was', async () => {
    await startDevnet();
    for (const url of urls) {
      await devnet.until(() => allReceipts(url, hashes), `all receipts at ${url}`);
      expect(Number((await nodeInfo(url)).safe)).toBeGreaterThanOrEqual(lastBlock);
    }
    const block = Number(await rpc(sequencerUrl, 'eth_blockNumber'));
    // The idle beat makes the next one.
    await devnet.until(async () => Number((await nodeInfo(defined(urls[2]))).safe) > block, 'new blocks become safe');
    await expectSameChain(urls, { from: lastBlock, to: block });
  });

  test('none of its processes outlives it when it is killed', async () => {
    expect(childPids).toHaveLength(PROCESSES);
    await devnet.crash();
    await waitFor(() => childPids.filter(isAlive).length === 0, { timeoutMs: 20_000, what: 'no process is left' });
    expect(await Promise.all(ports.map(isPortFree))).toEqual(ports.map(() => true));
  });
});

interface CallJson {
  readonly gasUsed: Hex;
  readonly error?: string;
  readonly calls?: readonly CallJson[];
  readonly logs?: readonly object[];
}

type BlockTraceJson = readonly { readonly txHash: Hex; readonly result: CallJson }[];

function logCount({ logs = [], calls = [] }: CallJson): number {
  return calls.reduce((sum, call) => sum + logCount(call), logs.length);
}

function toQuantity(value: number): Hex {
  return `0x${value.toString(16)}`;
}
