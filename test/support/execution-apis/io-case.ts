import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { defined } from '../defined.ts';

export interface RoundTrip {
  /** JSON as it is sent. */
  readonly request: string;
  readonly expected: JsonRpcAnswer;
}

export interface JsonRpcAnswer {
  readonly id: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly data?: unknown };
}

/** An official request/response file. */
export interface IoCase {
  /** Path below the fixtures' folder. */
  readonly name: string;
  readonly method: string;
  /** Only the shape of the answer counts. */
  readonly specOnly: boolean;
  readonly roundTrips: readonly RoundTrip[];
}

/** Every `.io` file below a folder, sorted by name. */
export function readIoCases(folder: string): IoCase[] {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.io'));
  return names.sort().map((name) => readIoCase(folder, name));
}

function readIoCase(folder: string, name: string): IoCase {
  const lines = readFileSync(join(folder, name), 'utf8').split('\n');
  const roundTrips: RoundTrip[] = [];
  for (const [at, line] of lines.entries()) {
    if (!line.startsWith('>> ')) continue;
    roundTrips.push({ request: line.slice(3), expected: JSON.parse(defined(lines[at + 1]).slice(3)) as JsonRpcAnswer });
  }
  return {
    name: relative('.', name),
    method: defined(name.split('/')[0]),
    specOnly: lines.some((line) => line.startsWith('// speconly:')),
    roundTrips,
  };
}

/** What of an answer is compared: an error's wording is not. */
export function comparable({ id, result, error }: JsonRpcAnswer): unknown {
  if (error === undefined) return { id, result };
  return { id, error: { code: error.code, ...(error.data !== undefined && { data: error.data }) } };
}
