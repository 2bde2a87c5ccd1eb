/**
 * An indexer that stores every log as it is pushed, loses its connection again and again, and resumes from its cursor:
 * `node test/perf/indexer.ts [--url ws://127.0.0.1:8545] [--seconds 30] [--reconnect-seconds 2]` beside a node under load
 * (`npm run bench -- --workload erc20`). At the end its logs are compared with those of eth_getLogs: nothing may be missing or
 * there twice. Exit code 1 when it is not so.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import WebSocket from 'ws';
import { LatencyHistogram } from '../../src/bench/latency-histogram.ts';
import { StrobeError } from '../../src/util/errors.ts';
import { nodeInfo, rpc } from '../support/json-rpc.ts';

interface LogJson {
  readonly blockNumber: string;
  readonly transactionHash: string;
  readonly logIndex: string;
  readonly removed: boolean;
}

interface Cursor {
  readonly epoch: string;
  readonly number: string;
  readonly digest: string;
}

/** The fork point is in `data`. */
const RESUME_ORPHANED = -32_010;
/** The node asked is behind the one that was followed. */
const RESUME_AHEAD = -32_012;
const RETRY_MS = 100;
/** Longest that the last resumption may take. */
const CATCH_UP_MS = 10_000;

const keyOf = ({ blockNumber, transactionHash, logIndex }: LogJson): string => `${blockNumber} ${transactionHash} ${logIndex}`;

/** What was pushed, up to cursors. */
class Indexer {
  readonly #url: string;
  /** Logs up to each cursor, in order. */
  #segments: { readonly cursor: Cursor; readonly keys: readonly string[] }[] = [];
  #tail: string[] = [];
  #socket: WebSocket | undefined;
  connections = 0;
  undone = 0;
  readonly catchUp = new LatencyHistogram();

  /** Begins behind this mini-block. */
  constructor(url: string, cursor: Cursor) {
    this.#url = url;
    this.#segments.push({ cursor, keys: [] });
  }

  get keys(): string[] {
    return this.#segments.flatMap(({ keys }) => keys);
  }

  async connect(): Promise<void> {
    const socket = new WebSocket(this.#url, { perMessageDeflate: false });
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    const startedMs = performance.now();
    const resumeFrom = this.#segments.at(-1)?.cursor ?? 0;
    const answer = Promise.withResolvers<{ error?: { code: number; message: string; data?: string } }>();
    let isFirst = true;
    this.#socket = socket;
    socket.on('message', (data) => {
      // What is still on its way from a connection that was given up comes again.
      if (this.#socket !== socket) return;
      const message = JSON.parse(String(data));
      if (message.id === 1) {
        answer.resolve(message);
        return;
      }
      if (isFirst) this.catchUp.recordMs(performance.now() - startedMs);
      isFirst = false;
      this.#receive(message.params);
    });
    const filter = { fromBlock: 'pending', toBlock: 'pending' };
    socket.send(JSON.stringify({ jsonrpc: '2.0', id: 1, method: 'eth_subscribe', params: ['logs', filter, { resumeFrom }] }));
    const { error } = await answer.promise;
    if (error === undefined) {
      this.connections++;
      return;
    }
    this.disconnect();
    if (error.code === RESUME_ORPHANED) this.#forget(Number(error.data));
    else if (error.code !== RESUME_AHEAD) throw new StrobeError('INDEXER_REFUSED', error.message);
    await delay(RETRY_MS);
    await this.connect();
  }

  disconnect(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
    this.#tail = [];
  }

  #receive({ result, cursor }: { result: LogJson | null; cursor?: Cursor }): void {
    if (result === null) this.#forget(Number(cursor?.number));
    else if (result.removed) this.undone++;
    else {
      this.#tail.push(keyOf(result));
      if (cursor !== undefined) this.#segments.push({ cursor, keys: this.#tail.splice(0) });
    }
  }

  /** Mini-blocks above a number are undone, with all of their logs. */
  #forget(above: number): void {
    this.#segments = this.#segments.filter(({ cursor }) => Number(cursor.number) <= above);
  }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      url: { type: 'string', default: 'ws://127.0.0.1:8545' },
      seconds: { type: 'string', default: '30' },
      'reconnect-seconds': { type: 'string', default: '2' },
    },
  });
  const httpUrl = values.url.replace(/^ws/, 'http');
  const { miniBlock } = await nodeInfo(httpUrl);
  const newest = await rpc<Cursor | null>(httpUrl, 'strobe_miniBlock', [`0x${miniBlock.toString(16)}`]);
  if (newest === null) throw new StrobeError('INDEXER_REFUSED', 'the chain has no mini-block yet');
  const { epoch, number, digest } = newest;
  const indexer = new Indexer(values.url, { epoch, number, digest });
  // The open block may hold logs from before: the first whole one is the next.
  const first = Number(await rpc(httpUrl, 'eth_blockNumber')) + 2;
  await indexer.connect();
  const startedMs = performance.now();
  while (performance.now() - startedMs < Number(values.seconds) * 1_000) {
    await delay(Number(values['reconnect-seconds']) * 1_000 * (0.5 + Math.random()));
    indexer.disconnect();
    await indexer.connect();
  }
  const last = Number(await rpc(httpUrl, 'eth_blockNumber'));
  const giveUpMs = performance.now() + CATCH_UP_MS;
  const isIn = (key: string): boolean => Number(key.split(' ')[0]) >= first && Number(key.split(' ')[0]) <= last;
  const expected = await logsBetween(httpUrl, first, last);
  let stored = indexer.keys.filter(isIn);
  while (stored.length < expected.length && performance.now() < giveUpMs) {
    await delay(RETRY_MS);
    stored = indexer.keys.filter(isIn);
  }
  indexer.disconnect();
  const unique = new Set(stored);
  const missing = expected.filter((key) => !unique.has(key)).length;
  const { p50Ms, p99Ms, maxMs } = indexer.catchUp.summary();
  console.log(
    `blocks ${first} to ${last}: ${expected.length} logs, ${indexer.connections} connections, ${indexer.undone} undone`,
  );
  console.log(`connection to first log: p50 ${p50Ms} ms, p99 ${p99Ms} ms, most ${maxMs} ms`);
  const isInOrder = stored.join() === expected.join();
  console.log(`missing ${missing}, twice ${stored.length - unique.size}, in order ${isInOrder ? 'yes' : 'no'}`);
  process.exitCode = isInOrder && expected.length > 0 ? 0 : 1;
}

/** Block by block: a busy range has more logs than one answer may hold. */
async function logsBetween(url: string, first: number, last: number): Promise<string[]> {
  const keys: string[] = [];
  for (let block = first; block <= last; block++) {
    const range = `0x${block.toString(16)}`;
    keys.push(...(await rpc<LogJson[]>(url, 'eth_getLogs', [{ fromBlock: range, toBlock: range }])).map(keyOf));
  }
  return keys;
}

await main();
