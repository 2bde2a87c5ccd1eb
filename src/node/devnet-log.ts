import { prettyFactory } from 'pino-pretty';
import { PRETTY_OPTIONS } from '../observability/logger.ts';

export interface LinePrinterOptions {
  /** Lines for people; otherwise JSON lines. */
  pretty: boolean;
  /** Names of the processes, for the width of the prefix. */
  names: readonly string[];
}

/** Prints the log lines of the devnet's processes, each under the name of its process. */
export function createLinePrinter(
  options: LinePrinterOptions,
  write: (text: string) => void,
): (name: string, line: string) => void {
  const prettify = prettyFactory(PRETTY_OPTIONS);
  const width = Math.max(...options.names.map((name) => name.length));
  return (name, line) => {
    if (line.trim() === '') return;
    const record = parseRecord(line);
    if (options.pretty) write(`${name.padEnd(width)} | ${record === undefined ? `${line}\n` : prettify(record)}`);
    // What is no record came from outside the logger: a warning of Node, a crash. It must not get lost.
    else write(`${JSON.stringify({ ...(record ?? { level: 'warn', msg: line }), role: name })}\n`);
  };
}

/** One log line in few words, for the report of a process that died. */
export function summarizeLine(line: string): string {
  const record = parseRecord(line);
  return record === undefined ? line : `${String(record['level'])}: ${String(record['msg'])}`;
}

function parseRecord(line: string): Record<string, unknown> | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    return JSON.parse(line) as Record<string, unknown>;
  } catch {
    return undefined;
  }
}
