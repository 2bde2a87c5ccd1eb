import { percentile } from '../percentiles.ts';
import { processSeconds } from '../replica-stream/process-usage.ts';
import type { LoadClient } from './load-client.ts';
import type { ReadJob, ReadOutcome } from './load-jobs.ts';
import { type ReadKind, requestBodies } from './read-kinds.ts';
import type { RpcBenchOptions } from './rpc-bench-options.ts';

/** Batches of each kind at each server before anything is measured: compiled code is as fast as it gets after 30,000 calls. */
const COMPILE_MS = 3_000;
/** The first round of each form, whose figures are dropped. */
const WARM_UP_MS = 500;

export interface ReadServer {
  readonly name: string;
  readonly port: number;
  readonly pid: number;
}

/** Medians over the rounds. */
export interface ServerFigures {
  readonly readsPerSecond: number;
  readonly lowest: number;
  readonly highest: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the server for one read. */
  readonly serverUs: number;
  /** Share of one core that the client took: near 1 it is the limit. */
  readonly clientLoad: number;
}

export interface ReadFigures {
  readonly read: string;
  readonly form: string;
  /** In the order of the servers. */
  readonly servers: readonly ServerFigures[];
}

interface Form {
  readonly name: string;
  readonly connections: number;
  readonly batch: number;
}

interface Round extends ReadOutcome {
  readonly serverSeconds: number;
}

/** Every kind of read in every form: rounds at each server in turn, the first of them dropped. */
export async function measureReads(
  client: LoadClient,
  kinds: readonly ReadKind[],
  servers: readonly ReadServer[],
  options: RpcBenchOptions,
): Promise<ReadFigures[]> {
  const forms: Form[] = [
    { name: 'one at a time', connections: 1, batch: 1 },
    { name: `${options.connections} connections`, connections: options.connections, batch: 1 },
    {
      name: `batches of ${options.batch}, ${options.batchConnections} connections`,
      connections: options.batchConnections,
      batch: options.batch,
    },
  ];
  const figures: ReadFigures[] = [];
  for (const kind of kinds) {
    const job = readJob(kind, forms.at(-1) as Form, options);
    for (const { port } of servers) await client.run({ ...job, port, maxMs: COMPILE_MS });
  }
  for (const form of forms) {
    for (const kind of kinds) {
      process.stderr.write(`${kind.name}, ${form.name}\n`);
      const rounds = await alternate(client, kind, form, servers, options);
      figures.push({ read: kind.name, form: form.name, servers: rounds.map(summarize) });
    }
  }
  return figures;
}

async function alternate(
  client: LoadClient,
  kind: ReadKind,
  form: Form,
  servers: readonly ReadServer[],
  options: RpcBenchOptions,
): Promise<Round[][]> {
  const { rounds, seconds } = options;
  const job = readJob(kind, form, options);
  const measured = servers.map((): Round[] => []);
  for (let round = 0; round <= rounds; round++) {
    const maxMs = round === 0 ? WARM_UP_MS : seconds * 1_000;
    for (const [index, { port, pid }] of servers.entries()) {
      const before = processSeconds(pid);
      const outcome = await client.run({ ...job, port, maxMs });
      if (round > 0) measured[index]?.push({ ...outcome, serverSeconds: processSeconds(pid) - before });
    }
  }
  return measured;
}

function readJob(kind: ReadKind, { connections, batch }: Form, { reads }: RpcBenchOptions): Omit<ReadJob, 'port' | 'maxMs'> {
  return { kind: 'reads', bodies: requestBodies(kind, batch), readsOfBody: batch, connections, maxReads: reads };
}

function summarize(rounds: readonly Round[]): ServerFigures {
  const median = (value: (round: Round) => number): number => percentile(rounds.map(value), 50);
  const rates = rounds.map(({ reads, seconds }) => reads / seconds);
  return {
    readsPerSecond: percentile(rates, 50),
    lowest: Math.min(...rates),
    highest: Math.max(...rates),
    p50Ms: median(({ latency }) => latency.p50Ms ?? Number.NaN),
    p99Ms: median(({ latency }) => latency.p99Ms ?? Number.NaN),
    serverUs: median(({ serverSeconds, reads }) => (serverSeconds * 1e6) / reads),
    clientLoad: median(({ clientSeconds, seconds }) => clientSeconds / seconds),
  };
}
