import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { LogGuard } from '../../../src/store/log-guard.ts';
import { SegmentLog } from '../../../src/store/segment-log.ts';
import { SnapshotStore } from '../../../src/store/snapshot/snapshot-store.ts';
import { miniBlockEntry } from '../../support/log-records.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { bytes, pointAt, stateOf, withFlippedBit } from '../store/snapshot/snapshot-kit.ts';
import { runSnapshotCommand as run } from './run-snapshot-command.ts';

/** A data directory with snapshots of the made-up chain `name`. */
async function dataDirWith(blocks: readonly number[], name = 0): Promise<string> {
  const dataDir = tempDirectory();
  const { genesisHash } = pointAt(0, name);
  const store = await SnapshotStore.open({ directory: join(dataDir, 'snapshots'), genesisHash });
  for (const block of blocks) await store.write(pointAt(block, name), stateOf(pointAt(block, name), [bytes(900, block)]));
  return dataDir;
}

async function exported(block: number, name = 0): Promise<string> {
  const output = join(tempDirectory(), 'exported.snapshot');
  expect(await run('export', '--data-dir', await dataDirWith([block], name), '--output', output)).toMatchObject({ code: 0 });
  return output;
}

async function writeLog(dataDir: string, genesisHash: Uint8Array): Promise<void> {
  const { log } = await SegmentLog.open({ directory: join(dataDir, 'log'), genesisHash, durability: 'os' });
  await log.append([miniBlockEntry(1)]);
  await log.close();
}

describe('list', () => {
  test('shows block, hash, length and file, newest first', async () => {
    const dataDir = await dataDirWith([3, 12]);
    const { code, out } = await run('list', '--data-dir', dataDir);
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines.map((line) => line.split('  ')[0])).toEqual(['12', '3']);
    expect(lines[0]).toMatch(/^12 {2}0x[0-9a-f]{64} {2}\d+ bytes {2}\d{4}-\d\d-\d\dT[\d:.]+Z {2}\/.*0012\.snapshot$/);
  });

  test('names damaged ones and fails', async () => {
    const dataDir = await dataDirWith([3, 12]);
    const path = join(dataDir, 'snapshots', '0000000000000012.snapshot');
    writeFileSync(path, withFlippedBit(path, -3));
    const { code, out, err } = await run('list', '--data-dir', dataDir);
    expect([code, out.split('  ')[0]]).toEqual([1, '3']);
    expect(err).toContain(path);
  });

  test('works beside a running node and touches nothing', async () => {
    const dataDir = await dataDirWith([3]);
    const partial = join(dataDir, 'snapshots', '0000000000000004.snapshot.partial');
    writeFileSync(partial, 'being written');
    const guard = await LogGuard.acquire(join(dataDir, 'log'));
    expect(await run('list', '--data-dir', dataDir)).toMatchObject({ code: 0 });
    await guard.release(undefined);
    expect(existsSync(partial)).toBe(true);
  });

  test('of nothing says so; a data directory that is not there is wrong usage', async () => {
    const empty = tempDirectory();
    expect(await run('list', '--data-dir', empty)).toMatchObject({ code: 0, out: '', err: `no snapshots in ${empty}\n` });
    expect(await run('list', '--data-dir', join(empty, 'no'))).toMatchObject({ code: 2 });
    expect(await run('list')).toMatchObject({ code: 2, err: expect.stringContaining('--data-dir') });
  });
});

describe('export', () => {
  test('writes the newest one, byte for byte, and never over a file', async () => {
    const dataDir = await dataDirWith([3, 12]);
    const output = join(tempDirectory(), 'out.snapshot');
    const first = await run('export', '--data-dir', dataDir, '--output', output);
    expect(first).toMatchObject({ code: 0, out: expect.stringMatching(/^12 .*out\.snapshot\n$/) });
    expect(readFileSync(output)).toEqual(readFileSync(join(dataDir, 'snapshots', '0000000000000012.snapshot')));
    const again = await run('export', '--data-dir', dataDir, '--output', output);
    expect(again).toMatchObject({ code: 2, err: expect.stringContaining('not overwritten') });
  });

  test('of a running node is refused', async () => {
    const dataDir = await dataDirWith([3]);
    const guard = await LogGuard.acquire(join(dataDir, 'log'));
    const output = join(tempDirectory(), 'out.snapshot');
    const { code, err } = await run('export', '--data-dir', dataDir, '--output', output);
    expect([code, existsSync(output)]).toEqual([1, false]);
    expect(err).toContain('another node runs on this data directory');
    await guard.release(undefined);
    expect(await run('export', '--data-dir', dataDir, '--output', output)).toMatchObject({ code: 0 });
  });

  test('leaves the mark of a clean shutdown as it was', async () => {
    const dataDir = await dataDirWith([3]);
    const { genesisHash } = pointAt(0);
    await writeLog(dataDir, genesisHash);
    await run('export', '--data-dir', dataDir, '--output', join(tempDirectory(), 'out.snapshot'));
    const { log, recovery } = await SegmentLog.open({ directory: join(dataDir, 'log'), genesisHash, durability: 'os' });
    expect(recovery).toEqual({ truncatedBytes: 0, cleanShutdown: true });
    await log.close();
  });

  test('of a damaged newest one fails and leaves no file, instead of giving an older one', async () => {
    for (const at of [-3, 100]) {
      const dataDir = await dataDirWith([3, 12]);
      const path = join(dataDir, 'snapshots', '0000000000000012.snapshot');
      writeFileSync(path, withFlippedBit(path, at));
      const folder = tempDirectory();
      const { code, err } = await run('export', '--data-dir', dataDir, '--output', join(folder, 'out'));
      expect([code, readdirSync(folder)]).toEqual([1, []]);
      expect(err).toContain(path);
    }
  });

  test('without a snapshot says so and makes nothing', async () => {
    const dataDir = tempDirectory();
    const { code, err } = await run('export', '--data-dir', dataDir, '--output', join(dataDir, 'out'));
    expect([code, readdirSync(dataDir)]).toEqual([1, []]);
    expect(err).toContain('there is no snapshot');
  });
});

describe('verify', () => {
  test('accepts a whole file and names what is wrong with another', async () => {
    const file = await exported(12);
    expect(await run('verify', file)).toMatchObject({ code: 0, out: expect.stringMatching(/^12 /) });
    writeFileSync(file, withFlippedBit(file, 300));
    const { code, err } = await run('verify', file);
    expect([code, err]).toEqual([1, `strobe: the snapshot ${file} cannot be used: chunk 0 at offset 16 is damaged\n`]);
    expect(await run('verify', join(file, 'no'))).toMatchObject({ code: 1 });
    expect(await run('verify')).toMatchObject({ code: 2 });
  });
});
