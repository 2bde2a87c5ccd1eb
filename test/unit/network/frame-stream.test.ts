import type { Stream } from '@libp2p/interface';
import { expect, test, vi } from 'vitest';
import { FrameStream } from '../../../src/network/frame-stream.ts';
import { framed } from '../../support/raw-libp2p.ts';

/** A stream whose peer sends what the test says. */
class ScriptedStream extends EventTarget {
  readonly status = 'open';
  readonly readableEnded = false;
  readStatus = 'readable';
  readonly abort = vi.fn();

  pause(): void {
    this.readStatus = 'paused';
  }

  resume(): void {
    this.readStatus = 'readable';
  }

  send(data: Uint8Array): void {
    this.dispatchEvent(Object.assign(new Event('message'), { data }));
  }
}

function open(minRate: { bytesPerSecond: number; graceMs: number }) {
  const stream = new ScriptedStream();
  const frames = new FrameStream(stream as unknown as Stream, { maxFrameBytes: 1_000, readTimeoutMs: 5_000, minRate });
  return { stream, frames };
}

test('a peer that sends a byte now and then is cut, though it is never silent for long', async () => {
  const { stream, frames } = open({ bytesPerSecond: 10_000, graceMs: 30 });
  const bytes = framed(new Uint8Array(500));
  let sent = 0;
  const drip = setInterval(() => stream.send(bytes.subarray(sent, ++sent)), 5);
  await expect(frames.read()).rejects.toMatchObject({ code: 'STREAM_TIMEOUT', message: 'the peer sends too slowly' });
  clearInterval(drip);
  expect(sent).toBeLessThan(bytes.length);
  expect(stream.abort).toHaveBeenCalledOnce();
});

test('what a fast peer sends is read, however long the reader takes in between', async () => {
  const { stream, frames } = open({ bytesPerSecond: 10_000, graceMs: 30 });
  stream.send(framed(Uint8Array.of(1)));
  expect(await frames.read()).toEqual(Uint8Array.of(1));
  await new Promise((resolve) => setTimeout(resolve, 60));
  const next = frames.read();
  stream.send(framed(Uint8Array.of(2)));
  expect(await next).toEqual(Uint8Array.of(2));
  expect(stream.abort).not.toHaveBeenCalled();
});
