import { PassThrough } from 'node:stream';
import { afterEach, describe, expect, it } from 'vitest';
import type { BenchOptionsInput } from '../../../src/bench/bench-options.ts';
import type { BenchReport } from '../../../src/bench/bench-report.ts';
import { runBench } from '../../../src/bench/run-bench.ts';
import { FakeNode, type FakeNodeOptions } from './fake-node.ts';

const POOL_FULL = { code: -32000, message: 'txpool is full' };
const nodes: FakeNode[] = [];

afterEach(async () => {
  await Promise.all(nodes.splice(0).map((node) => node.stop()));
});

async function startNode(options: FakeNodeOptions = {}): Promise<{ node: FakeNode; url: string }> {
  const node = new FakeNode(options);
  nodes.push(node);
  return { node, url: await node.start() };
}

async function bench(options: BenchOptionsInput): Promise<{ report: BenchReport; printed: string }> {
  const stdout = new PassThrough();
  const io = { stdout, stderr: new PassThrough() };
  const defaults = { accounts: 4, transactions: 40, batchSize: 5, concurrency: 2, syncSamples: 3, drainSeconds: 1 };
  const report = await runBench({ ...defaults, ...options }, io);
  return { report, printed: String(stdout.read()) };
}

describe('runBench', () => {
  it('counts every transaction of a healthy node with mini-blocks', async () => {
    const { node, url } = await startNode();
    const { report } = await bench({ rpc: url });
    expect(report.observer).toBe('miniBlocks');
    expect(report.transactions).toMatchObject({ planned: 40, sent: 40, included: 40, failed: 0, rejected: 0, lost: 0 });
    expect(report.transactions.allReceiptsFound).toBe(true);
    expect(report.gasUsed).toBe(String(40 * 21_000));
    expect(report.submitToReceipt.samples).toBe(40);
    expect(report.syncSend?.samples).toBe(3);
    expect(report.miniBlockInterval?.p50Ms ?? 10).toBeCloseTo(10, 1);
    expect(new Set(node.accepted).size).toBe(40);
  });

  it('falls back to newHeads and leaves out what the node does not have', async () => {
    const { url } = await startNode({ hasMiniBlocks: false, hasSync: false });
    const { report } = await bench({ rpc: url });
    expect(report.observer).toBe('newHeads');
    expect(report.transactions.included).toBe(40);
    expect(report.submitToReceipt.samples).toBe(40);
    expect([report.miniBlockInterval, report.syncSend, report.wire]).toEqual([null, null, null]);
  });

  it('counts the transactions of blocks that became safe during the load', async () => {
    const { url } = await startNode({ blocksBehind: 2 });
    const { report, printed } = await bench({ rpc: url, syncSamples: 0, rate: 400 });
    const { proved } = report;
    expect(proved?.blocks).toBeGreaterThan(0);
    expect(proved?.transactions).toBeGreaterThan(0);
    expect(proved?.transactions).toBeLessThanOrEqual(40);
    expect(proved?.unattestedBlocks).toBeGreaterThanOrEqual(2);
    expect(proved?.transactionsPerSecond).toBeCloseTo((proved?.transactions ?? 0) / (proved?.seconds ?? 1));
    expect(printed).toMatch(/proved \(safe\) +[\d,]+ tx\/s/);
    const { url: without } = await startNode();
    expect((await bench({ rpc: without, syncSamples: 0 })).report.proved).toBeNull();
  });

  it('reports accepted transactions that never get a receipt as lost', async () => {
    const { node, url } = await startNode({ lose: (number) => number >= 37 });
    const { report, printed } = await bench({ rpc: url, syncSamples: 0 });
    expect(report.transactions).toMatchObject({ sent: 40, included: 37, lost: 3, allReceiptsFound: false });
    expect(new Set(report.transactions.lostHashes)).toEqual(new Set(node.accepted.slice(37)));
    expect(printed).toContain('3 LOST');
  });

  it('sends again what a full pool refused, and counts the refusals', async () => {
    const { node, url } = await startNode({ refuse: (send) => (send < 12 ? POOL_FULL : undefined) });
    const { report } = await bench({ rpc: url });
    expect(report.transactions).toMatchObject({ sent: 40, included: 40, rejected: 0, lost: 0 });
    expect(report.errors).toEqual([{ code: '-32000', message: 'txpool is full', count: 12 }]);
    expect(node.accepted.length).toBe(40);
  });

  it('gives up an account whose transaction is refused for good', async () => {
    const refusal = { code: -32000, message: 'insufficient funds: have 1 want 0x22' };
    const refuse = (send: number) => (send === 0 ? refusal : undefined);
    // The fourth it takes is the account's second: behind the gap, so never included.
    const { url } = await startNode({ refuse, lose: (number) => number === 3 });
    const { report } = await bench({ rpc: url, concurrency: 1 });
    // 10 for each of 4 accounts in batches of 5: the first batch holds 2 of the first account, its other 8 stay home.
    expect(report.transactions).toMatchObject({
      planned: 40,
      sent: 32,
      rejected: 1,
      stranded: 1,
      included: 30,
      lost: 0,
    });
    expect(report.errors).toEqual([{ code: '-32000', message: 'insufficient funds: have # want 0x…', count: 1 }]);
    expect(report.driver.endedEarly).toBe(false);
  });

  it('counts failed transactions apart from lost ones', async () => {
    const { url } = await startNode({ fail: (number) => number < 4 });
    const { report } = await bench({ rpc: url });
    expect(report.transactions).toMatchObject({ included: 40, failed: 4, lost: 0 });
  });

  it('rejects when the subscription it measures with is closed', async () => {
    const { url } = await startNode({ dropSocketsAfter: 20 });
    await expect(bench({ rpc: url })).rejects.toMatchObject({ code: 'BENCH_SUBSCRIPTION_LOST' });
  });

  it('measures replicas, and keeps the run when one is missing', async () => {
    const replica = await startNode();
    const { node: sequencer, url } = await startNode();
    const copy = setInterval(() => replica.node.include([...sequencer.receipts.keys()]), 5);
    const { report } = await bench({ rpc: url, replicas: [replica.url, 'ws://127.0.0.1:1'] }).finally(() => clearInterval(copy));
    const [seen, missing] = report.replicas;
    expect(seen).toMatchObject({ url: replica.url, seen: 40, mode: 'miniBlocks', error: null });
    expect(seen?.delay.samples).toBe(40);
    expect(seen?.delay.p50Ms).toBeGreaterThan(0);
    expect(missing).toMatchObject({ seen: 0, mode: null });
    expect(missing?.error).toContain('cannot open a WebSocket to ws://127.0.0.1:1');
  });

  it('reads the bytes on the wire from the metrics', async () => {
    const { node, url } = await startNode();
    node.metricsPage = 'strobe_gossip_published_bytes_total{topic="a"} 100\n';
    const { report } = await bench({ rpc: url, metrics: `${url}/metrics` });
    expect(report.wire).toEqual({ bytes: 0, bytesPerTransaction: 0, byTopic: { a: 0 } });
  });

  it('stops at the time limit and says so', async () => {
    const { url } = await startNode();
    const { report, printed } = await bench({ rpc: url, rate: 20, durationSeconds: 0.4, syncSamples: 0 });
    expect(report.transactions.sent).toBeGreaterThan(0);
    expect(report.transactions.sent).toBeLessThan(40);
    expect(report.transactions.lost).toBe(0);
    expect(printed).toContain('the time limit ended the load');
  });

  it('prints exactly one JSON document with json', async () => {
    const { url } = await startNode();
    const { report, printed } = await bench({ rpc: url, json: true });
    expect(JSON.parse(printed)).toEqual(report);
  });

  it('sends the same transactions for the same seed', async () => {
    const [first, second, other] = [await startNode(), await startNode(), await startNode()];
    await bench({ rpc: first.url, seed: 7, concurrency: 1 });
    await bench({ rpc: second.url, seed: 7, concurrency: 1 });
    await bench({ rpc: other.url, seed: 8, concurrency: 1 });
    expect(second.node.accepted).toEqual(first.node.accepted);
    expect(other.node.accepted).not.toEqual(first.node.accepted);
  });
});
