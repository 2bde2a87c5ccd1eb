import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { StrobeError } from '../util/errors.ts';

export type { Counter, Gauge, Histogram } from 'prom-client';

/** What every metric declares. `name` comes without the `strobe_` prefix and with its base unit. */
export interface MetricOptions<Label extends string> {
  name: string;
  help: string;
  labelNames?: readonly Label[];
}

export interface HistogramOptions<Label extends string> extends MetricOptions<Label> {
  /** Upper bounds in the unit of the name, ascending. */
  buckets: readonly number[];
}

/** A gauge read from its owner when somebody scrapes, instead of being pushed on every change. */
export interface GaugeOptions<Label extends string> extends MetricOptions<Label> {
  collect?: (gauge: Gauge<Label>) => void | Promise<void>;
}

/** Latency buckets in seconds for what should take under a mini-block: 100 µs to 2.5 s. */
export const LATENCY_BUCKETS_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5,
];

/** Size buckets in bytes: 256 B to 4 MiB, the largest message that gossip carries. */
export const SIZE_BUCKETS_BYTES: readonly number[] = [256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576, 4_194_304];

/**
 * Creates metrics in one registry. Modules take a factory and declare their metrics beside the code that records
 * them; a unit test makes a factory of its own, so nothing is global.
 */
export interface MetricFactory {
  counter<Label extends string = never>(options: MetricOptions<Label>): Counter<Label>;
  gauge<Label extends string = never>(options: GaugeOptions<Label>): Gauge<Label>;
  histogram<Label extends string = never>(options: HistogramOptions<Label>): Histogram<Label>;
}

export interface Metrics extends MetricFactory {
  readonly registry: Registry;
  /** Appends what was declared elsewhere, in another thread or for the whole process; returns the function that takes it out again. */
  addSource(expose: () => Promise<string>): () => void;
  /** The Prometheus text exposition of everything that was declared. */
  expose(): Promise<{ contentType: string; body: string }>;
}

const PREFIX = 'strobe_';
const NAME_PATTERN = /^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$/;

/**
 * The metrics of one process (or of one unit test).
 * @throws StrobeError INVALID_METRIC from the factory, for a name or help text that breaks the naming rules
 */
export function createMetrics(): Metrics {
  const registry = new Registry();
  const sources = new Set<() => Promise<string>>();
  return {
    ...createFactory(registry),
    registry,
    addSource: (expose) => {
      sources.add(expose);
      return () => sources.delete(expose);
    },
    expose: async () => {
      const pages = await Promise.all([registry.metrics(), ...[...sources].map((expose) => expose())]);
      return { contentType: registry.contentType, body: pages.join('\n') };
    },
  };
}

function createFactory(registry: Registry): MetricFactory {
  return {
    counter: (options) => {
      if (!options.name.endsWith('_total')) throw invalid(options.name, 'a counter ends in _total');
      return new Counter({ ...common(options, registry) });
    },
    gauge: (options) => {
      if (options.name.endsWith('_total')) throw invalid(options.name, 'only a counter ends in _total');
      const { collect } = options;
      const gauge: Gauge<NonNullable<typeof options.labelNames>[number]> = new Gauge({
        ...common(options, registry),
        ...(collect === undefined ? {} : { collect: () => collect(gauge) }),
      });
      return gauge;
    },
    histogram: (options) => {
      if (!/_(?:seconds|bytes|ratio|gas|count)$/.test(options.name)) {
        throw invalid(options.name, 'a histogram ends in its unit: _seconds, _bytes, _ratio, _gas or _count');
      }
      return new Histogram({ ...common(options, registry), buckets: [...options.buckets] });
    },
  };
}

function common<Label extends string>(options: MetricOptions<Label>, registry: Registry) {
  if (!NAME_PATTERN.test(options.name)) throw invalid(options.name, 'names are snake_case');
  if (options.name.startsWith(PREFIX)) throw invalid(options.name, `the ${PREFIX} prefix is added here`);
  if (/_(?:ms|us|ns|kb|mb|milliseconds|microseconds|kilobytes)(?:_|$)/.test(options.name)) {
    throw invalid(options.name, 'units are base units: seconds and bytes');
  }
  if (options.help.trim() === '') throw invalid(options.name, 'a help text is required');
  return {
    name: `${PREFIX}${options.name}`,
    help: options.help,
    labelNames: [...(options.labelNames ?? [])],
    registers: [registry],
  };
}

function invalid(name: string, rule: string): StrobeError<'INVALID_METRIC'> {
  return new StrobeError('INVALID_METRIC', `metric ${name}: ${rule}`, { name });
}
