import { describe, expect, it } from 'vitest';
import { loadLimitMs, parseBenchOptions, plannedTransactions } from '../../../src/bench/bench-options.ts';
import { perSecond } from '../../../src/bench/bench-report.ts';
import { ChangeSignal } from '../../../src/bench/change-signal.ts';
import { clockReport, parseIntervals } from '../../../src/bench/clock-metrics.ts';
import { LatencyHistogram } from '../../../src/bench/latency-histogram.ts';
import { MiniBlockClock } from '../../../src/bench/mini-block-clock.ts';
import { TransactionLedger } from '../../../src/bench/transaction-ledger.ts';
import { indexHashes } from '../../../src/bench/visibility-log.ts';
import { parsePublishedBytes, wireReport } from '../../../src/bench/wire-metrics.ts';

describe('LatencyHistogram', () => {
  it('gives percentiles within a tenth of a per cent', () => {
    const histogram = new LatencyHistogram();
    for (let ms = 1; ms <= 1_000; ms++) histogram.recordMs(ms);
    const { samples, p50Ms, p90Ms, p99Ms, maxMs } = histogram.summary();
    expect([samples, maxMs]).toEqual([1_000, 1_000]);
    expect(Math.abs((p50Ms as number) - 500)).toBeLessThan(0.6);
    expect(Math.abs((p90Ms as number) - 900)).toBeLessThan(1);
    expect(Math.abs((p99Ms as number) - 990)).toBeLessThan(1);
  });

  it('has no percentiles without samples, and counts what lies below zero as zero', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.summary()).toEqual({ samples: 0, p50Ms: null, p90Ms: null, p99Ms: null, maxMs: null });
    histogram.recordMs(-3);
    expect(histogram.summary()).toMatchObject({ samples: 1, p50Ms: 0, maxMs: 0 });
  });
});

describe('MiniBlockClock', () => {
  it('measures neighbours only', () => {
    const clock = new MiniBlockClock();
    for (const [number, timestampUs] of [
      [7, 0],
      [8, 10_000],
      [10, 90_000],
      [11, 100_000],
    ] as const)
      clock.record({ number, timestampUs });
    expect(clock.summary()).toMatchObject({ samples: 2, maxMs: 10 });
  });
});

describe('TransactionLedger', () => {
  const hashes = ['0xa', '0xb', '0xc'];
  const newLedger = () => new TransactionLedger(indexHashes(hashes), new ChangeSignal());

  it('measures from the first send, once, and ignores what is not of the run', () => {
    const ledger = newLedger();
    ledger.markSent(0, 100);
    ledger.markSent(0, 150);
    ledger.recordIncluded(['0xa', '0xfeed'], 160);
    ledger.recordIncluded(['0xa'], 900);
    expect([ledger.latencyMs(0), ledger.latencyMs(1), ledger.lastSeenAtMs, ledger.sent]).toEqual([60, undefined, 160, 1]);
  });

  it('keeps the pending count right when a refused transaction is included after all', () => {
    const ledger = newLedger();
    for (const index of [0, 1, 2]) ledger.markSent(index, 0);
    ledger.markRejected(0);
    ledger.recordIncluded(['0xa', '0xb'], 5);
    expect(ledger.pending).toBe(1);
    ledger.markStranded(1);
    expect(ledger.pending).toBe(1);
  });

  it('adds up equal errors and bounds the number of kinds', () => {
    const ledger = newLedger();
    ledger.countError(-32000, 'nonce too low: next 7, tx 5');
    ledger.countError(-32000, 'nonce too low: next 9, tx 8');
    for (let kind = 0; kind < 200; kind++) ledger.countError(1, 'x'.repeat(kind));
    expect(ledger.errors().find(({ message }) => message.startsWith('nonce'))?.count).toBe(2);
    expect(ledger.errors().length).toBe(51);
    expect(ledger.errors()[0]).toEqual({ code: 'other', message: 'further kinds of errors', count: 151 });
  });
});

describe('wire metrics', () => {
  const page = [
    '# HELP strobe_gossip_published_bytes_total x',
    'strobe_gossip_published_bytes_total{topic="/strobe/1/mini",role="sequencer"} 1.5e3',
    'strobe_gossip_published_bytes_total{role="sequencer",topic="/strobe/1/witness"} 500',
    'strobe_gossip_published_total{topic="/strobe/1/mini"} 77',
  ].join('\n');

  it('reads the bytes of each topic', () => {
    expect([...parsePublishedBytes(page)]).toEqual([
      ['/strobe/1/mini', 1_500],
      ['/strobe/1/witness', 500],
    ]);
    expect(parsePublishedBytes('<html>').size).toBe(0);
  });

  it('divides what was published in between by the transactions', () => {
    const report = wireReport(new Map([['/strobe/1/mini', 500]]), parsePublishedBytes(page), 10);
    expect(report).toEqual({
      bytes: 1_500,
      bytesPerTransaction: 150,
      byTopic: { '/strobe/1/mini': 1_000, '/strobe/1/witness': 500 },
    });
    expect(wireReport(new Map(), new Map(), 10)).toBeNull();
    expect(wireReport(new Map(), parsePublishedBytes(page), 0)?.bytesPerTransaction).toBeNull();
  });
});

describe('the clock of the sequencer', () => {
  const page = (counts: readonly number[]) =>
    parseIntervals(
      ['0.011', '0.015', '0.02', '+Inf']
        .map((bound, i) => `strobe_mini_block_interval_seconds_bucket{le="${bound}",role="sequencer"} ${counts[i]}`)
        .join('\n'),
    );

  it('counts what lies between two readings', () => {
    const report = clockReport(page([100, 100, 100, 100]), page([190, 199, 200, 200]));
    expect(report).toEqual({ intervals: 100, p99BelowMs: 15, within15Ms: 0.99 });
    expect(clockReport(page([0, 0, 0, 0]), page([97, 98, 98, 100]))).toMatchObject({ p99BelowMs: null });
  });

  it('is silent without intervals', () => {
    expect(clockReport(page([7, 7, 7, 7]), page([7, 7, 7, 7]))).toBeNull();
    expect(clockReport(new Map(), parseIntervals('<html>'))).toBeNull();
  });
});

describe('options', () => {
  it('names every wrong option', () => {
    const run = () => parseBenchOptions({ rate: -1, accounts: 0, rpc: 'ftp://x' });
    expect(run).toThrow(expect.objectContaining({ code: 'BENCH_INVALID_OPTIONS' }));
    expect(run).toThrow(/rate[\s\S]*|accounts|rpc/);
  });

  it('bounds every load in count and in time', () => {
    expect(plannedTransactions(parseBenchOptions({ rate: 100, durationSeconds: 3 }))).toBe(300);
    expect(plannedTransactions(parseBenchOptions({ rate: 1e6, durationSeconds: 3_600 }))).toBe(500_000);
    expect(plannedTransactions(parseBenchOptions({ rate: 100, durationSeconds: 3, transactions: 7 }))).toBe(7);
    expect(loadLimitMs(parseBenchOptions({}))).toBe(120_000);
    expect(loadLimitMs(parseBenchOptions({ durationSeconds: 500 }))).toBe(120_000);
    expect(loadLimitMs(parseBenchOptions({ durationSeconds: 2 }))).toBe(2_000);
  });
});

describe('perSecond', () => {
  it('is zero, not infinite, without time', () => {
    expect([perSecond(500, 250), perSecond(5, 0)]).toEqual([2_000, 0]);
  });
});
