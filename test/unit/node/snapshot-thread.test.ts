import { readdirSync } from 'node:fs';
import { describe, expect, it, onTestFinished } from 'vitest';
import { createInlineSnapshots, type SnapshotHost, startSnapshotThread } from '../../../src/node/snapshot-thread.ts';
import { SnapshotStore } from '../../../src/store/snapshot/snapshot-store.ts';
import { defined } from '../../support/defined.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { CollectingLoader, MARK, pointAt } from '../store/snapshot/snapshot-kit.ts';
import type { FakeHandle } from './fixtures/snapshot-fake-worker.ts';

const { genesisHash } = pointAt(0);

function handleAt(block: number, extra: Partial<FakeHandle> = {}): FakeHandle {
  const memory = new SharedArrayBuffer(2_500_000);
  new Uint8Array(memory).fill(block);
  return { memory, number: pointAt(block).head.number, ...extra };
}

function inlineHost(directory: string): SnapshotHost<FakeHandle> {
  return createInlineSnapshots({ directory, genesisHash }, ({ memory, number }: FakeHandle) => ({
    ...{ number, mark: MARK },
    chunks: (chunkBytes) => [new Uint8Array(memory, 0, chunkBytes), new Uint8Array(memory, chunkBytes)],
  }));
}

function threadHost(directory: string): SnapshotHost<FakeHandle> {
  const entry = new URL('./fixtures/snapshot-fake-worker.ts', import.meta.url);
  return startSnapshotThread({ directory, genesisHash }, entry);
}

describe.each([
  ['on the calling thread', inlineHost],
  ['in a worker thread', threadHost],
])('snapshots %s', (_, start) => {
  it('are written from the shared state and described', async () => {
    const directory = tempDirectory();
    const host = start(directory);
    onTestFinished(() => host.stop());
    for (const block of [1, 2, 3]) {
      const manifest = await host.write({ point: pointAt(block), handle: handleAt(block) });
      expect(manifest).toMatchObject({ ...pointAt(block), mark: MARK, stateBytes: 2_500_000 });
    }
    const store = await SnapshotStore.open({ directory, genesisHash });
    const { snapshots } = await store.list();
    expect(snapshots.map(({ manifest }) => manifest.header.number)).toEqual([3, 2]);
    const loader = new CollectingLoader();
    await store.read(defined(snapshots[0]), loader);
    expect(Buffer.concat(loader.chunks).equals(Buffer.alloc(2_500_000, 3))).toBe(true);
  });

  it('fail with the code of what was wrong, and the next one is written', async () => {
    const host = start(tempDirectory());
    onTestFinished(() => host.stop());
    const wrong = host.write({ point: pointAt(2), handle: handleAt(1) });
    await expect(wrong).rejects.toMatchObject({ code: 'INVALID_SNAPSHOT' });
    await host.write({ point: pointAt(2), handle: handleAt(2) });
  });

  it('that are being written are given up with the host', async () => {
    const directory = tempDirectory();
    const host = start(directory);
    const writing = host.write({ point: pointAt(1), handle: handleAt(1) });
    writing.catch(() => {});
    await host.stop();
    await expect(writing).rejects.toMatchObject({ code: expect.stringMatching(/ABORTED|THREAD_STOPPED/) });
    const store = await SnapshotStore.open({ directory, genesisHash });
    expect(await store.newest()).toBeUndefined();
    expect(readdirSync(directory)).toEqual([]);
  });
});

it('a thread that dies rejects its write and says that it failed', async () => {
  const host = threadHost(tempDirectory());
  const writing = host.write({ point: pointAt(1), handle: handleAt(1, { dies: true }) });
  await expect(writing).rejects.toMatchObject({ code: 'THREAD_DIED' });
  await expect(host.failed).rejects.toMatchObject({ code: 'THREAD_DIED' });
});
