/**
 * What WebSocket subscribers cost and how late they are: `node test/perf/subscribers.ts [--subscribers 1000]
 * [--dialect miniBlocks|logs] [--transactions 100] [--interval-ms 10] [--seconds 10]`. A JSON-RPC server in this process
 * has real sockets of a thread that reads them; `logs` gives each subscriber another filter. With `--url ws://…` the readers
 * follow a running node's mini-blocks instead (500 connections at most unless its limits are raised).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, workerData } from 'node:worker_threads';
import WebSocket from 'ws';
import { LatencyHistogram, type LatencySummary } from '../../src/bench/latency-histogram.ts';
import { createLogger } from '../../src/observability/logger.ts';
import { createRpcServer } from '../../src/rpc/server.ts';
import { toHex } from '../../src/util/bytes.ts';
import { startWorker } from '../../src/util/start-worker.ts';
import { MiniBlockFeed, topicAt } from '../support/mini-block-feed.ts';

interface ReaderOptions {
  readonly url: string;
  readonly subscribers: number;
  readonly dialect: string;
}

interface ReaderResult {
  readonly messages: number;
  readonly bytes: number;
  readonly lost: number;
  readonly delays: LatencySummary;
}

/** Sockets that are opened at the same time. */
const CONNECTING = 50;
const MAX_SUBSCRIBERS = 10_000;
/** How long the last messages may take after the last mini-block. */
const DRAIN_MS = 2_000;

const nowUs = (): number => Math.floor((performance.timeOrigin + performance.now()) * 1_000);

/** The reading thread: opens every socket, says so, and answers with what came when it is asked. */
async function read({ url, subscribers, dialect }: ReaderOptions): Promise<void> {
  const delays = new LatencyHistogram();
  let [messages, bytes, lost] = [0, 0, 0];
  const sockets: WebSocket[] = [];
  const open = async (index: number): Promise<void> => {
    const socket = new WebSocket(url, { perMessageDeflate: false });
    sockets.push(socket);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const filter = { fromBlock: 'pending', topics: [toHex(topicAt(index))] };
    const params = dialect === 'logs' ? ['logs', filter] : ['miniBlocks', { hashesOnly: true }];
    const answered = new Promise((resolve) => socket.once('message', resolve));
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params }));
    await answered;
    socket.on('close', () => lost++);
    socket.on('message', (data: Buffer) => {
      const atUs = nowUs();
      const { result } = JSON.parse(String(data)).params;
      delays.recordUs(atUs - Number(dialect === 'logs' ? BigInt(result.data) : result.mini_block_timestamp));
      messages++;
      bytes += data.length;
    });
  };
  for (let next = 0; next < subscribers; next += CONNECTING)
    await Promise.all(Array.from({ length: Math.min(CONNECTING, subscribers - next) }, (_, at) => open(next + at)));
  parentPort?.once('message', () => {
    parentPort?.postMessage({ messages, bytes, lost, delays: delays.summary() } satisfies ReaderResult);
    for (const socket of sockets) socket.terminate();
  });
  parentPort?.postMessage('ready');
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      subscribers: { type: 'string', default: '1000' },
      dialect: { type: 'string', default: 'miniBlocks' },
      transactions: { type: 'string', default: '100' },
      'interval-ms': { type: 'string', default: '10' },
      seconds: { type: 'string', default: '10' },
      url: { type: 'string' },
    },
  });
  const { dialect } = values;
  const subscribers = Math.min(Number(values.subscribers), MAX_SUBSCRIBERS);
  const [transactions, intervalMs, seconds] = [values.transactions, values['interval-ms'], values.seconds].map(Number) as [
    number,
    number,
    number,
  ];
  const feed = new MiniBlockFeed({ nowUs, topics: subscribers });
  const limits = { maxConnections: subscribers + 10, maxWebSockets: subscribers + 1 };
  const server = createRpcServer(
    { host: '127.0.0.1', port: 0, baseFeeFloorWei: 1n, limits },
    { backend: feed.backend, logger: createLogger({ level: 'warn', format: 'json' }) },
  );
  const url = values.url ?? `ws://127.0.0.1:${(await server.start()).port}`;
  const worker = startWorker(new URL(import.meta.url), { workerData: { url, subscribers, dialect } satisfies ReaderOptions });
  const answer = (): Promise<unknown> => new Promise((resolve, reject) => worker.once('message', resolve).once('error', reject));
  await answer();
  const startedMs = performance.now();
  const cpu = process.cpuUsage();
  let made = 0;
  while (values.url === undefined && performance.now() - startedMs < seconds * 1_000) {
    feed.add(transactions);
    made++;
    await delay(Math.max(0, startedMs + made * intervalMs - performance.now()));
  }
  if (values.url !== undefined) await delay(seconds * 1_000);
  const took = (performance.now() - startedMs) / 1_000;
  await delay(DRAIN_MS);
  const { user, system } = process.cpuUsage(cpu);
  worker.postMessage('report');
  const { messages, bytes, lost, delays } = (await answer()) as ReaderResult;
  await worker.terminate();
  if (values.url === undefined) await server.stop();
  console.log(
    `${subscribers} subscribers of ${dialect}, ${made} mini-blocks of ${transactions} transactions in ${took.toFixed(1)} s`,
  );
  console.log(
    `messages a second ${Math.round(messages / took)}, ${(bytes / took / 1e6).toFixed(1)} MB/s, connections lost ${lost}`,
  );
  console.log(`mini-block to arrival: p50 ${delays.p50Ms} ms, p99 ${delays.p99Ms} ms, most ${delays.maxMs} ms`);
  console.log(`processor time of both threads ${((user + system) / 1e6).toFixed(1)} s`);
  if (values.url === undefined && dialect === 'miniBlocks') console.log(`missing messages ${made * subscribers - messages}`);
}

if (isMainThread) await main();
else await read(workerData as ReaderOptions);
