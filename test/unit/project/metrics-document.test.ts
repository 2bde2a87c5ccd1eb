import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..', '..', '..');
const read = (file: string): string => readFileSync(join(ROOT, file), 'utf8');
const sources = globSync('src/**/*.ts', { cwd: ROOT }).map(read).join('\n');

/** Metric names that a document mentions; JSON-RPC methods have capitals. */
function mentionedMetrics(document: string): string[] {
  return [...new Set(read(document).match(/\bstrobe_[a-z0-9_]+\b(?![A-Z])/g) ?? [])];
}

test.each(['docs/operations.md', 'docs/benchmarks.md', 'docs/replica-on-a-second-host.md'])(
  '%s names metrics that exist',
  (document) => {
    const mentioned = mentionedMetrics(document);
    expect(mentioned.length).toBeGreaterThan(0);
    // The factory adds the prefix, so the code has the name without it, as a text.
    expect(mentioned.filter((name) => !sources.includes(`'${name.replace('strobe_', '')}'`))).toEqual([]);
  },
);
