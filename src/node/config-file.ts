import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { errorMessage } from '../util/errors.ts';
import { configError } from './config-error.ts';

/** Nobody writes a megabyte of settings by hand. */
const MAX_FILE_BYTES = 1024 * 1024;
/** YAML aliases can blow a small file up ("billion laughs"); settings need none. */
const MAX_ALIASES = 0;

/**
 * Reads a YAML or JSON file (JSON is YAML) and flattens it to dotted keys: `{rpc: {port: 1}}` -> `rpc.port`.
 * @throws StrobeError INVALID_CONFIG naming the file
 */
export function readConfigFile(file: string): Map<string, unknown> {
  const values = new Map<string, unknown>();
  const content = parseFile(file);
  if (content === null) return values;
  if (!isRecord(content)) throw configError([`file ${file}: expected keys and values at the top`]);
  flatten(content, '', values);
  return values;
}

function parseFile(file: string): unknown {
  try {
    const text = readFileSync(file, 'utf8');
    if (text.length > MAX_FILE_BYTES) throw configError([`file ${file}: larger than ${MAX_FILE_BYTES} bytes`]);
    return parse(text, { maxAliasCount: MAX_ALIASES });
  } catch (cause) {
    throw configError([`file ${file}: ${errorMessage(cause).trim()}`], cause);
  }
}

function flatten(record: Record<string, unknown>, prefix: string, into: Map<string, unknown>): void {
  for (const [key, value] of Object.entries(record)) {
    const path = `${prefix}${key}`;
    if (isRecord(value)) flatten(value, `${path}.`, into);
    else into.set(path, value);
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
