import { spawnSync } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defined } from '../support/defined.ts';
import { type RpcReceiptJson, rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import { TestDevnet } from '../support/test-devnet.ts';

/** What every process shows. */
const COMMON = [
  'strobe_event_loop_delay_p50_seconds',
  'strobe_event_loop_delay_p99_seconds',
  'strobe_event_loop_delay_max_seconds',
  'strobe_peers',
  'strobe_gossip_published_bytes_total',
  'strobe_gossip_received_bytes_total',
];

const BY_ROLE: Readonly<Record<string, readonly string[]>> = {
  sequencer: [
    'strobe_mini_block_interval_seconds',
    'strobe_mini_block_execution_seconds',
    'strobe_mini_block_commit_seconds',
    'strobe_mini_block_number',
    'strobe_block_number',
    'strobe_block_seal_stall_seconds',
    'strobe_transactions_total',
    'strobe_gas_used_total',
    'strobe_diff_bytes_total',
    'strobe_mempool_transactions',
    'strobe_attestations_total',
    'strobe_rpc_calls_total',
  ],
  'replica-1': [
    'strobe_replica_apply_latency_seconds',
    'strobe_replica_lag_mini_blocks',
    'strobe_replica_head_number',
    'strobe_replica_safe_block_number',
    'strobe_replica_transactions_total',
    'strobe_replica_attestations_total',
    'strobe_replica_root_check_seconds',
    'strobe_replica_gossip_verdicts_total',
    'strobe_rpc_message_seconds',
  ],
  'prover-1': [
    'strobe_prover_blocks_total',
    'strobe_prover_block_seconds',
    'strobe_prover_transactions_total',
    'strobe_prover_attested_block_number',
    'strobe_prover_lag_blocks',
  ],
};

const TRANSACTIONS = 30;

let devnet: TestDevnet;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  await devnet.startAll();
  let block = '0x0';
  for (let nonce = 0; nonce < TRANSACTIONS; nonce++) {
    const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n };
    const account = devnet.account(0);
    const raw = await account.signTransaction({
      type: 'eip1559',
      chainId: devnet.chainId,
      to: account.address,
      gas: 21_000n,
      ...fees,
      nonce,
    });
    block = (await rpc<RpcReceiptJson>(devnet.rpcUrl('replica-1'), 'eth_sendRawTransactionSync', [raw, 20_000])).blockNumber;
  }
  for (const name of ['sequencer', 'replica-1']) await devnet.safeReaches(name, Number(block));
});

afterAll(() => devnet[Symbol.asyncDispose]());

async function metricsOf(name: string): Promise<string> {
  const { status, body } = defined(await page(`${devnet.metricsUrl(name)}/metrics`));
  expect(status).toBe(200);
  return body;
}

describe.each(Object.entries(BY_ROLE))('%s', (name, metrics) => {
  test('shows its metrics, each with its help', async () => {
    const text = await metricsOf(name);
    const described = [...text.matchAll(/^# HELP (\S+) \S/gm)].map(([, metric]) => metric);
    expect(described).toEqual(expect.arrayContaining([...COMMON, ...metrics]));
    expect([...text.matchAll(/^# TYPE (\S+) /gm)].map(([, metric]) => metric)).toEqual(described);
  });

  test('passes promtool', async (context) => {
    const promtool = spawnSync('promtool', ['check', 'metrics'], { input: await metricsOf(name), encoding: 'utf8' });
    if (promtool.error !== undefined) {
      console.warn(`promtool skipped: ${promtool.error.message}`);
      context.skip('promtool is not installed');
    }
    expect({ status: promtool.status, problems: promtool.stderr + promtool.stdout }).toEqual({ status: 0, problems: '' });
  });

  test('is healthy and ready', async () => {
    expect(await page(`${devnet.metricsUrl(name)}/health`)).toEqual({ status: 200, body: '{"status":"up"}' });
    expect(await page(`${devnet.metricsUrl(name)}/ready`)).toMatchObject({
      status: 200,
      body: expect.stringContaining('"ready":true'),
    });
  });
});

test('the numbers are those of the load', async () => {
  expect(await devnet.metric('sequencer', 'strobe_transactions_total')).toBe(TRANSACTIONS);
  expect(await devnet.metric('sequencer', 'strobe_gas_used_total')).toBe(TRANSACTIONS * 21_000);
  expect(await devnet.metric('sequencer', 'strobe_mempool_transactions')).toBe(0);
  expect(await devnet.metric('sequencer', 'strobe_diff_bytes_total')).toBeGreaterThan(0);
  expect(await devnet.metric('sequencer', 'strobe_mini_block_execution_seconds_count')).toBeGreaterThan(0);
  expect(await devnet.metric('replica-1', 'strobe_replica_transactions_total')).toBe(TRANSACTIONS);
  expect(await devnet.metric('replica-1', 'strobe_replica_apply_latency_seconds_count')).toBeGreaterThan(0);
  expect(await devnet.metric('replica-1', 'strobe_replica_attestations_total', 'outcome="agrees"')).toBeGreaterThan(0);
  expect(await devnet.metric('prover-1', 'strobe_prover_transactions_total')).toBe(TRANSACTIONS);
  expect(await devnet.metric('sequencer', 'strobe_gossip_published_bytes_total')).toBeGreaterThan(0);
});

test('a process that is starting or stuck without its chain is healthy and not ready, and says why', async () => {
  await devnet.process('sequencer').crash();
  const ready = async () => page(`${devnet.metricsUrl('replica-1')}/ready`);
  await devnet.process('replica-1').until(async () => (await ready())?.status === 503, 'not ready');
  expect((await ready())?.body).toMatch(/"ready":false,"reason":"STALLED/);
  expect((await page(`${devnet.metricsUrl('replica-1')}/health`))?.status).toBe(200);
});
