import { availableParallelism, cpus } from 'node:os';
import type { BenchSizes } from './bench-options.ts';
import type { PartResult } from './run-part.ts';
import type { Figure } from './step.ts';

export interface Machine {
  readonly cores: number;
  readonly processor: string;
  readonly node: string;
}

export function thisMachine(): Machine {
  return { cores: availableParallelism(), processor: cpus()[0]?.model.trim() ?? 'unknown', node: process.version };
}

/** The whole run in Markdown. */
export function formatReport(machine: Machine, sizes: BenchSizes, results: readonly PartResult[]): string {
  const { cores, processor, node } = machine;
  const used = Object.entries(sizes).map(([name, value]) => `${name} ${value.toLocaleString('en')}`);
  const rows = results.flatMap(({ part, figures, loadAverage, hashNs }) =>
    figures.map((figure) => tableRow(part, figure, `${loadAverage.toFixed(1)}, ${hashNs.toFixed(0)}`)),
  );
  return [
    `Machine: ${cores} cores, ${processor}, Node ${node}. Sizes: ${used.join(', ')}.`,
    'Load: of the machine, in the minute before the part ended. Hash: ns of a keccak-256 of 64 bytes behind it, 370 on an idle core.',
    '',
    '| part | figure | measured | target | | load, hash |',
    '|---|---|---|---|---|---|',
    ...rows,
    '',
  ].join('\n');
}

function tableRow(part: string, { name, value, unit, target, note }: Figure, load: string): string {
  return `| ${part} | ${name} | ${quantity(value)} ${unit} | ${target ?? ''} | ${note ?? ''} | ${load} |`;
}

/** Three digits, in thousands or millions. */
function quantity(value: number): string {
  if (value >= 999_500) return `${(value / 1e6).toPrecision(3)}M`;
  if (value >= 1e4) return `${Math.round(value / 1e3)}k`;
  if (value >= 100) return Math.round(value).toLocaleString('en');
  return value.toPrecision(3);
}
