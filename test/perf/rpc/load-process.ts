import { setTimeout as delay } from 'node:timers/promises';
import { LatencyHistogram } from '../../../src/bench/latency-histogram.ts';
import { RpcClient } from '../../../src/bench/rpc-client.ts';
import { errorMessage, StrobeError } from '../../../src/util/errors.ts';
import { encodePost, HttpConnection } from './http-connection.ts';
import type { LoadAnswer, ReadJob, ReadOutcome, SyncJob, SyncOutcome } from './load-jobs.ts';

// The client in a process of its own: does the jobs that come over IPC, one after the other.

const HOST = '127.0.0.1';
const ERROR_MEMBER = Buffer.from('"error"');
const US_PER_SECOND = 1e6;

async function runReads({ port, bodies, readsOfBody, connections: count, maxReads, maxMs }: ReadJob): Promise<ReadOutcome> {
  const requests = bodies.map((body) => encodePost(`${HOST}:${port}`, body));
  const connections = await Promise.all(Array.from({ length: count }, () => HttpConnection.open(HOST, port)));
  const histogram = new LatencyHistogram();
  const maxRequests = Math.ceil(maxReads / readsOfBody);
  const startedMs = performance.now();
  const usage = process.cpuUsage();
  let sent = 0;
  const drive = async (connection: HttpConnection): Promise<void> => {
    let sentAtMs = performance.now();
    while (sent < maxRequests && sentAtMs < startedMs + maxMs) {
      const request = requests[sent++ % requests.length] as Buffer;
      const answer = await connection.post(request);
      const nowMs = performance.now();
      histogram.recordMs(nowMs - sentAtMs);
      sentAtMs = nowMs;
      if (answer.includes(ERROR_MEMBER)) throw new StrobeError('BENCH_RPC_ERROR', answer.toString('utf8', 0, 300));
    }
  };
  try {
    await Promise.all(connections.map(drive));
  } finally {
    for (const connection of connections) connection.close();
  }
  const { user, system } = process.cpuUsage(usage);
  const seconds = (performance.now() - startedMs) / 1_000;
  const clientSeconds = (user + system) / US_PER_SECOND;
  return { reads: sent * readsOfBody, seconds, clientSeconds, latency: histogram.summary() };
}

async function runSync({ urls, transactions, pausesMs }: SyncJob): Promise<SyncOutcome> {
  const clients = urls.map((url) => new RpcClient(url, 1)) as [RpcClient, RpcClient];
  const times = [new LatencyHistogram(), new LatencyHistogram()] as const;
  // Connections are opened and code is compiled before the clock starts.
  await Promise.all(clients.map((client) => client.call('eth_blockNumber', [])));
  try {
    for (const [index, raw] of transactions.entries()) {
      const way = index % 2 === 0 ? 0 : 1;
      await delay(pausesMs[index] ?? 0);
      const sentAtMs = performance.now();
      const receipt = await clients[way].call('eth_sendRawTransactionSync', [raw]);
      times[way].recordMs(performance.now() - sentAtMs);
      if ((receipt as { status?: unknown } | null)?.status !== '0x1') {
        throw new StrobeError('BENCH_RPC_ERROR', 'eth_sendRawTransactionSync gave no receipt of success');
      }
    }
  } finally {
    for (const client of clients) client.close();
  }
  return { direct: times[0].summary(), replica: times[1].summary() };
}

async function run(job: ReadJob | SyncJob): Promise<LoadAnswer> {
  try {
    return { outcome: job.kind === 'reads' ? await runReads(job) : await runSync(job) };
  } catch (error) {
    return { error: errorMessage(error) };
  }
}

process.on('message', (job: ReadJob | SyncJob) => {
  void run(job).then((answer) => process.send?.(answer));
});
// Whatever ended the bench.
process.on('disconnect', () => process.exit());
