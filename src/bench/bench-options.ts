import { z } from 'zod';
import { StrobeError } from '../util/errors.ts';

export const WORKLOADS = ['transfer', 'erc20', 'uniswap', 'mixed'] as const;
export type WorkloadName = (typeof WORKLOADS)[number];

/** The mnemonic of every local development chain (Hardhat, anvil, the Strobe devnet): public, never for real funds. */
const TEST_MNEMONIC = 'test test test test test test test test test test test junk';

/** Pre-signed bodies stay in memory (about 600 bytes a transaction): half a million is 300 MB. */
const MAX_TRANSACTIONS = 500_000;
const DEFAULT_TRANSACTIONS = 20_000;

const httpUrl = z.url({ protocol: /^https?$/ });
const wsUrl = z.url({ protocol: /^wss?$/ });

/** Every setting of a benchmark run: units are in the names, defaults suit `strobe devnet`. */
export const benchOptionsSchema = z.object({
  rpc: httpUrl.default('http://127.0.0.1:8545').describe('JSON-RPC endpoint that takes the transactions'),
  ws: wsUrl.optional().describe('its WebSocket endpoint (default: rpc with ws://)'),
  replicas: z
    .array(z.union([httpUrl, wsUrl]))
    .max(16)
    .default([])
    .describe('replicas whose visibility delay is measured'),
  metrics: httpUrl.optional().describe('Prometheus endpoint of the sequencer, for its clock and bytes on the wire'),
  workload: z.enum(WORKLOADS).default('transfer').describe('what the transactions do'),
  accounts: z.int().min(1).max(1_000).default(50).describe('sending accounts'),
  mnemonic: z.string().min(1).default(TEST_MNEMONIC).describe('BIP-39 phrase the accounts derive from'),
  transactions: z.int().min(1).max(MAX_TRANSACTIONS).optional().describe('how many to send'),
  durationSeconds: z.number().positive().max(3_600).optional().describe('stop sending after this time'),
  maxDurationSeconds: z.number().positive().max(3_600).default(120).describe('hard end of the load'),
  drainSeconds: z.number().positive().max(600).default(30).describe('how long to wait for the last receipts'),
  batchSize: z.int().min(1).max(1_000).default(50).describe('transactions per JSON-RPC batch'),
  concurrency: z.int().min(1).max(256).default(10).describe('batches in flight'),
  maxPending: z.int().min(1).max(100_000).default(5_000).describe('pause sending at this many unconfirmed transactions'),
  rate: z.number().min(0).max(1_000_000).default(0).describe('transactions per second, 0 = as fast as possible'),
  syncSamples: z.int().min(0).max(1_000).default(50).describe('single eth_sendRawTransactionSync calls after the load'),
  seed: z.int().min(0).max(0xffff_ffff).default(1).describe('seed of recipients and amounts'),
  json: z.boolean().default(false).describe('print one JSON document instead of the table'),
});

export type BenchOptionsInput = z.input<typeof benchOptionsSchema>;
export type BenchOptions = z.output<typeof benchOptionsSchema>;

/** @throws StrobeError BENCH_INVALID_OPTIONS naming each wrong option */
export function parseBenchOptions(input: BenchOptionsInput): BenchOptions {
  const result = benchOptionsSchema.safeParse(input);
  if (!result.success) throw new StrobeError('BENCH_INVALID_OPTIONS', z.prettifyError(result.error));
  return result.data;
}

/** How many transactions to sign: the count given, else what the rate sends in the time given, else the default. */
export function plannedTransactions(options: BenchOptions): number {
  if (options.transactions !== undefined) return options.transactions;
  if (options.rate === 0) return DEFAULT_TRANSACTIONS;
  if (options.durationSeconds === undefined) return DEFAULT_TRANSACTIONS;
  return Math.min(MAX_TRANSACTIONS, Math.max(1, Math.round(options.rate * options.durationSeconds)));
}

/** How long sending may go on, in milliseconds: the tighter of the two limits. */
export function loadLimitMs(options: BenchOptions): number {
  return Math.min(options.durationSeconds ?? options.maxDurationSeconds, options.maxDurationSeconds) * 1_000;
}

/** The HTTP and the WebSocket form of an endpoint given as either (one port serves both). */
export function endpointsOf(url: string): { httpUrl: string; wsUrl: string } {
  return { httpUrl: url.replace(/^ws/, 'http'), wsUrl: url.replace(/^http/, 'ws') };
}
