import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { WebSocket } from 'ws';
import { contractArtifact } from '../../../src/bench/artifacts.ts';
import { clockReport, type IntervalBuckets, parseIntervals } from '../../../src/bench/clock-metrics.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { type RpcReceiptJson, rpc } from '../../support/json-rpc.ts';
import { signTransfer, type TestAccount } from '../../support/test-accounts.ts';
import { TestDevnet } from '../../support/test-devnet.ts';
import { percentile } from '../percentiles.ts';
import { mainThreadSeconds, processSeconds } from '../replica-stream/process-usage.ts';

// What reads do to a sequencer's clock: a sequencer process with a steady load of transfers, without and with reads.
// `--source` runs another checkout's sequencer, too, by turns with this one's.

const { values: options } = parseArgs({
  options: {
    reads: { type: 'string', default: '2000' },
    'long-calls': { type: 'string', default: '2' },
    // About a quarter of a second of a busy core.
    'long-call-gas': { type: 'string', default: '3000000' },
    transactions: { type: 'string', default: '300' },
    seconds: { type: 'string', default: '10' },
    source: { type: 'string' },
  },
});
const SECONDS = Number(options.seconds);
const PER_SECOND = Number(options.transactions);
/** Waits for the caches and the compiler. */
const WARM_UP_SECONDS = 3;
const SYNC_SENDS_PER_SECOND = 20;
const TICK_MS = 5;
const MAX_FEE_WEI = 20_000_000_000n;
const DEPLOY_GAS = 2_000_000n;

interface Phase {
  readonly name: string;
  /** A second, as the long calls. */
  readonly reads: number;
  readonly longCalls: number;
}

interface Measured {
  readonly intervalsMs: readonly number[];
  readonly sendsMs: readonly number[];
  readonly clock: ReturnType<typeof clockReport>;
  /** Shares of a processor core that the sequencer's core thread and its whole process took. */
  readonly usage: { readonly core: number; readonly all: number };
  readonly flood: string;
}

class Client {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, (answer: { result?: unknown; error?: unknown }) => void>();
  #nextId = 1;
  onPush: (result: { mini_block_timestamp: number }) => void = () => {};

  constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => {
      const message = JSON.parse(String(data));
      if (message.method === 'eth_subscription') this.onPush(message.params.result);
      else this.#waiting.get(message.id)?.(message);
      this.#waiting.delete(message.id);
    });
  }

  static async open(url: string): Promise<Client> {
    const socket = new WebSocket(url);
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new Client(socket);
  }

  async call(method: string, ...params: readonly unknown[]): Promise<unknown> {
    const id = this.#nextId++;
    const answer = new Promise<{ result?: unknown; error?: unknown }>((resolve) => this.#waiting.set(id, resolve));
    this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
    const { result, error } = await answer;
    if (error !== undefined) throw new Error(JSON.stringify(error));
    return result;
  }

  close(): void {
    this.#socket.terminate();
  }
}

/** Signs transfers of one account one after the other. */
class Sender {
  readonly #account: TestAccount;
  readonly #chainId: number;
  #nonce = 0n;

  constructor(account: TestAccount, chainId: number) {
    this.#account = account;
    this.#chainId = chainId;
  }

  next(): string {
    const { address } = this.#account;
    return toHex(signTransfer({ from: this.#account, to: address }, this.#nonce++, this.#chainId, MAX_FEE_WEI));
  }

  deploy(bytecode: string): string {
    const spec = { from: this.#account, to: null, value: 0n, data: fromHex(bytecode), gasUsed: DEPLOY_GAS };
    return toHex(signTransfer(spec, this.#nonce++, this.#chainId, MAX_FEE_WEI));
  }
}

/** Calls `action` so often a second until `seconds` have passed. */
async function steadily(perSecond: number, seconds: number, action: () => void): Promise<void> {
  const startedMs = performance.now();
  let done = 0;
  while (performance.now() - startedMs < seconds * 1_000) {
    for (; done < ((performance.now() - startedMs) / 1_000) * perSecond; done++) action();
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
  }
}

/** A sequencer under test, and who sends to it. */
interface Scene {
  readonly name: string;
  readonly devnet: TestDevnet;
  readonly url: string;
  readonly token: string;
  readonly holder: string;
  readonly senders: readonly Sender[];
}

/** What the sequencer has used of the processor. */
function processorSeconds(devnet: TestDevnet): { readonly core: number; readonly all: number } {
  const { pid } = devnet.process('sequencer');
  return { core: mainThreadSeconds(pid), all: processSeconds(pid) };
}

/** The sequencer's own clock, without the time in which it had nothing to do. */
async function clock(devnet: TestDevnet): Promise<IntervalBuckets> {
  return parseIntervals(await (await fetch(`${devnet.metricsUrl('sequencer')}/metrics`)).text());
}

async function measure(phase: Phase, { devnet, url, token, holder, senders }: Scene): Promise<Measured> {
  const [load, sync, watch] = await Promise.all([Client.open(url), Client.open(url), Client.open(url)]);
  const stamps: number[] = [];
  watch.onPush = ({ mini_block_timestamp }) => stamps.push(mini_block_timestamp);
  await watch.call('eth_subscribe', 'miniBlocks', { hashesOnly: true });
  const [loadSender, syncSender] = senders as [Sender, Sender];
  const flooding =
    phase.reads + phase.longCalls === 0
      ? Promise.resolve('')
      : promisify(execFile)(process.execPath, [
          join(import.meta.dirname, 'flood-process.ts'),
          ...[url, token, holder, ...[phase.reads, phase.longCalls, SECONDS, options['long-call-gas']].map(String)],
        ]).then(({ stdout }) => stdout.trim());
  const before = await clock(devnet);
  const usedBefore = processorSeconds(devnet);
  const sendsMs: number[] = [];
  const failures: unknown[] = [];
  const sends: Promise<unknown>[] = [];
  await Promise.all([
    steadily(PER_SECOND, SECONDS, () => {
      load.call('eth_sendRawTransaction', loadSender.next()).catch((error: unknown) => failures.push(error));
    }),
    steadily(SYNC_SENDS_PER_SECOND, SECONDS, () => {
      const startedMs = performance.now();
      const send = sync.call('eth_sendRawTransactionSync', syncSender.next(), 10_000).then(
        () => sendsMs.push(performance.now() - startedMs),
        (error: unknown) => failures.push(error),
      );
      sends.push(send);
    }),
  ]);
  const used = processorSeconds(devnet);
  const after = await clock(devnet);
  // Those that took longest count, too.
  await Promise.all(sends);
  const flood = await flooding;
  for (const client of [load, sync, watch]) client.close();
  if (failures.length > 0) console.log(`${failures.length} sends failed: ${String(failures[0])}`);
  return {
    intervalsMs: stamps.slice(1).map((stamp, i) => (stamp - (stamps[i] as number)) / 1_000),
    sendsMs,
    clock: clockReport(before, after),
    usage: { core: (used.core - usedBefore.core) / SECONDS, all: (used.all - usedBefore.all) / SECONDS },
    flood,
  };
}

function report({ name, reads, longCalls }: Phase, { intervalsMs, sendsMs, clock: own, usage, flood }: Measured): void {
  const line = (values: readonly number[]): string =>
    [50, 90, 99].map((percent) => `p${percent} ${percentile(values, percent).toFixed(1)}`).join('  ');
  console.log(`${name} (${reads} reads/s, ${longCalls} long calls/s)${flood === '' ? '' : `  ${flood}`}`);
  console.log(
    `  mini-block interval, ms   ${line(intervalsMs)}  longest ${Math.max(...intervalsMs).toFixed(1)}  of ${intervalsMs.length}`,
  );
  console.log(
    `  its own clock, ms         p99 below ${own?.p99BelowMs}  within 15: ${((own?.within15Ms ?? 0) * 100).toFixed(1)} %`,
  );
  const percent = (share: number): string => `${(share * 100).toFixed(0)} %`;
  console.log(`  processor core            core thread ${percent(usage.core)}, all threads ${percent(usage.all)}`);
  console.log(`  synchronous send, ms      ${line(sendsMs)}  of ${sendsMs.length}`);
}

/** @param source of the sequencer; undefined: this checkout */
async function begin(source: string | undefined, devnet: TestDevnet): Promise<Scene> {
  if (source !== undefined) {
    const entry = join(source, 'src', 'cli', 'main.ts');
    devnet.place('sequencer', ['/bin/sh', '-c', `node=$1; shift 2; exec "$node" ${entry} "$@"`, 'sh']);
  }
  await devnet.start('sequencer');
  const http = devnet.rpcUrl('sequencer');
  const url = http.replace('http', 'ws');
  const accounts = [0, 1, 2].map((index): TestAccount => {
    const { address, privateKey } = defined(devnet.accounts[index]);
    return { address: fromHex(address), privateKey: fromHex(privateKey) };
  });
  const senders = accounts.map((account) => new Sender(account, devnet.chainId));
  const deployment = defined(senders[2]).deploy(contractArtifact('BenchToken').bytecode);
  const { contractAddress } = await rpc<RpcReceiptJson>(http, 'eth_sendRawTransactionSync', [deployment, 20_000]);
  const client = await Client.open(url);
  await steadily(PER_SECOND, WARM_UP_SECONDS, () => void client.call('eth_sendRawTransaction', defined(senders[0]).next()));
  client.close();
  const holder = toHex(defined(accounts[2]).address);
  return { name: source ?? 'this checkout', devnet, url, token: String(contractAddress), holder, senders };
}

await using own = await TestDevnet.create({ replicas: 1, provers: 1 });
await using other = await TestDevnet.create({ replicas: 1, provers: 1 });
const scenes = [await begin(undefined, own)];
if (options.source !== undefined) scenes.unshift(await begin(options.source, other));
for (const phase of [
  { name: 'quiet', reads: 0, longCalls: 0 },
  { name: 'with reads', reads: Number(options.reads), longCalls: 0 },
  { name: 'with long calls', reads: 0, longCalls: Number(options['long-calls']) },
]) {
  for (const scene of scenes) {
    console.log(`${scene.name}: ${PER_SECOND} transactions/s, load average ${defined(loadavg()[0]).toFixed(1)}`);
    report(phase, await measure(phase, scene));
  }
}
