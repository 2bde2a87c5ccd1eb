import { cpSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { LogEntry } from '../../src/protocol/ports/log.ts';
import { SegmentLog } from '../../src/store/segment-log.ts';
import { isStrobeError } from '../../src/util/errors.ts';
import { miniBlockEntry, readAll, sealEntry, segmentPaths, TEST_GENESIS_HASH } from '../support/log-records.ts';
import { tempDirectory } from '../support/temp-directory.ts';

const open = (directory: string) =>
  SegmentLog.open({ directory, genesisHash: TEST_GENESIS_HASH, durability: 'sync', segmentBytes: 300 });

type Step =
  | { kind: 'append'; sizes: number[]; seal: boolean }
  | { kind: 'truncate' | 'prune'; back: number }
  | { kind: 'reopen' };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('append' as const),
      sizes: fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 4 }),
      seal: fc.boolean(),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('truncate' as const), back: fc.nat(6) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('prune' as const), back: fc.nat(12) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('reopen' as const) }) },
);

/** The log in one array. */
class Model {
  entries: LogEntry[] = [];

  get lastNumber(): number {
    return this.entries.at(-1)?.number ?? 0;
  }

  next(sizes: readonly number[], seal: boolean): LogEntry[] {
    const entries = sizes.map((size, i) => miniBlockEntry(this.lastNumber + 1 + i, size));
    return seal ? [...entries, sealEntry(this.lastNumber + sizes.length)] : entries;
  }

  truncateAfter(number: number): void {
    this.entries = this.entries.filter((entry) => entry.number <= number);
  }

  /** The log keeps whole segments: any beginning may go, but nothing from `number` on. */
  prune(number: number, firstKept: number): void {
    const dropped = this.entries.filter((entry) => entry.number < firstKept);
    expect(dropped.every((entry) => entry.number < number)).toBe(true);
    this.entries = this.entries.slice(dropped.length);
  }
}

async function run(directory: string, steps: readonly Step[]): Promise<Model> {
  const model = new Model();
  let { log } = await open(directory);
  for (const one of steps) {
    if (one.kind === 'append') {
      const entries = model.next(one.sizes, one.seal);
      await log.append(entries);
      model.entries.push(...entries);
    } else if (one.kind === 'truncate') {
      const number = Math.max(0, model.lastNumber - one.back);
      await log.truncateAfter(number);
      model.truncateAfter(number);
    } else if (one.kind === 'prune') {
      const number = Math.max(0, model.lastNumber - one.back);
      await log.prune(number);
      model.prune(number, log.firstNumber() ?? 0);
    } else {
      await log.close();
      const reopened = await open(directory);
      expect(reopened.recovery).toEqual({ truncatedBytes: 0, cleanShutdown: true });
      log = reopened.log;
    }
    expect(log.lastNumber()).toBe(model.lastNumber);
    expect(await readKept(log)).toEqual(model.entries);
  }
  await log.close();
  return model;
}

const scenarios = fc.array(step, { minLength: 1, maxLength: 12 });

test('a log answers like an array through appends, truncations, prunings and reopens', async () => {
  await fc.assert(
    fc.asyncProperty(scenarios, async (steps) => {
      await run(tempDirectory(), steps);
    }),
    { numRuns: 25 },
  );
});

test('whatever a crash leaves of a write under way, every acknowledged record comes back', async () => {
  await fc.assert(
    fc.asyncProperty(
      scenarios,
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 3 }),
      fc.double({ min: 0, max: 0.999, noNaN: true }),
      async (steps, sizes, part) => {
        const directory = tempDirectory();
        const model = await run(directory, steps);
        const crashed = copyWithoutMark(directory);
        const tail = segmentPaths(crashed).at(-1);
        if (tail === undefined) return;
        // The bytes of the group that was being written, of which only a part got to the disk.
        const { log: other } = await open(directory);
        const group = model.next(sizes, true);
        await other.append(group);
        await other.close();
        const grown = readFileSync(segmentPaths(directory).find((path) => path.endsWith(tail.slice(-19))) as string);
        const before = statSync(tail).size;
        writeFileSync(tail, grown.subarray(0, before + Math.floor((grown.length - before) * part)));
        const { log } = await open(crashed);
        const found = await readKept(log);
        expect(found.slice(0, model.entries.length)).toEqual(model.entries);
        expect([...model.entries, ...group].slice(0, found.length)).toEqual(found);
        await log.close();
      },
    ),
    { numRuns: 25 },
  );
});

test('a log with any one byte changed or any tail cut off is refused or a reported beginning of what was written', async () => {
  await fc.assert(
    fc.asyncProperty(
      scenarios,
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      fc.boolean(),
      fc.boolean(),
      async (steps, at, mask, flip, keepMark) => {
        const directory = tempDirectory();
        const model = await run(directory, steps);
        const damaged = keepMark ? directory : copyWithoutMark(directory);
        const paths = segmentPaths(damaged);
        if (paths.length === 0) return;
        damage(flip ? (paths[at % paths.length] as string) : (paths.at(-1) as string), at, flip ? mask : undefined);
        const opened = await open(damaged).catch((error: unknown) => error);
        if (isStrobeError(opened)) {
          expect(['LOG_CORRUPT', 'VERSION_NOT_SUPPORTED', 'GENESIS_MISMATCH']).toContain(opened.code);
          return;
        }
        const { log, recovery } = opened as Awaited<ReturnType<typeof open>>;
        const found = await readKept(log);
        expect(model.entries.slice(0, found.length)).toEqual(found);
        // Without the mark of a clean shutdown a cut exactly between two records looks like a log that ended there.
        if (found.length < model.entries.length && (flip || keepMark)) expect(recovery.truncatedBytes).toBeGreaterThan(0);
        expect(recovery.cleanShutdown).toBe(keepMark && recovery.truncatedBytes === 0);
        await log.append([miniBlockEntry(log.lastNumber() + 1, 7)]);
        await log.close();
      },
    ),
    { numRuns: 70 },
  );
});

const readKept = (log: SegmentLog): Promise<LogEntry[]> => readAll(log, log.firstNumber());

/** The directory as a killed process leaves it. */
function copyWithoutMark(directory: string): string {
  const copy = tempDirectory();
  cpSync(directory, copy, { recursive: true });
  rmSync(join(copy, 'guard'), { recursive: true });
  return copy;
}

function damage(path: string, at: number, mask: number | undefined): void {
  const { size } = statSync(path);
  if (mask === undefined) {
    truncateSync(path, at % size);
    return;
  }
  const bytes = readFileSync(path);
  bytes[at % size] = (bytes[at % size] as number) ^ mask;
  writeFileSync(path, bytes);
}
