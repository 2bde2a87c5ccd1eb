import { setImmediate } from 'node:timers/promises';
import { MessageChannel } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import { stoppedError } from '../../../src/network/network-errors.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { type Channel, createChannelPair, createThreadChannel } from '../../../src/util/thread-channel.ts';
import { ThreadRpc } from '../../../src/util/thread-rpc.ts';
import { THREAD_STREAM_WINDOW_BYTES } from '../../../src/util/thread-stream.ts';
import { waitFor } from '../../support/wait-for.ts';

interface ServerApi {
  double(bytes: Bytes): Promise<Bytes>;
  fail(foreign: boolean): Promise<void>;
  hang(): Promise<void>;
  count(upTo: number, size: number): AsyncIterable<Bytes>;
}

function serve(channel: Channel) {
  const state = { produced: 0, finished: false };
  const api: ServerApi = {
    double: async (bytes) => new Uint8Array([...bytes, ...bytes]),
    fail: async (foreign) => {
      if (foreign) throw new TypeError('foreign');
      throw new StrobeError('POOL_FULL', 'full', { size: 9 });
    },
    hang: () => new Promise(() => {}),
    count: async function* (upTo, size) {
      try {
        for (let i = 0; i < upTo; i++) {
          if (i === 1_000) throw new StrobeError('RANGE_ENDS', 'at a thousand');
          state.produced++;
          yield new Uint8Array(size).fill(i);
        }
      } finally {
        state.finished = true;
      }
    },
  };
  new ThreadRpc<ServerApi, object>(channel, api);
  return state;
}

const hosts: Record<string, () => { ends: readonly [Channel, Channel]; close: () => void }> = {
  'one thread': () => ({ ends: createChannelPair(), close: () => {} }),
  'a message port': () => {
    const { port1, port2 } = new MessageChannel();
    return {
      ends: [createThreadChannel(port1), createThreadChannel(port2)],
      close: () => port1.close(),
    };
  },
};

describe.each(Object.entries(hosts))('calls and streams over %s', (_name, open) => {
  it('passes values and coded errors', async () => {
    const { ends, close } = open();
    serve(ends[1]);
    const rpc = new ThreadRpc<object, ServerApi>(ends[0], {});
    const view = new Uint8Array(Buffer.from('xxabcxx').buffer, Buffer.from('xxabcxx').byteOffset, 3);
    expect(await rpc.call('double', view)).toEqual(new Uint8Array([...view, ...view]));
    await expect(rpc.call('fail', false)).rejects.toMatchObject({ code: 'POOL_FULL', message: 'full', meta: { size: 9 } });
    await expect(rpc.call('fail', true)).rejects.toMatchObject({ code: 'INTERNAL_ERROR' });
    close();
  });

  it('keeps the caller in possession of what it sends', async () => {
    const { ends, close } = open();
    serve(ends[1]);
    const rpc = new ThreadRpc<object, ServerApi>(ends[0], {});
    const large = new Uint8Array(100_000).fill(7);
    expect((await rpc.call('double', large)).length).toBe(200_000);
    expect(large.length).toBe(100_000);
    close();
  });

  it('streams in order with the producer at most a window ahead, and stops it when the consumer leaves', async () => {
    const { ends, close } = open();
    const state = serve(ends[1]);
    const rpc = new ThreadRpc<object, ServerApi>(ends[0], {});
    const size = 64 * 1024;
    const seen: number[] = [];
    for await (const item of rpc.stream('count', 500, size)) {
      seen.push(item[0] as number);
      await setImmediate();
      expect((state.produced - seen.length) * size).toBeLessThanOrEqual(THREAD_STREAM_WINDOW_BYTES + 2 * size);
      if (seen.length === 40) break;
    }
    expect(seen).toEqual(Array.from({ length: 40 }, (_, index) => index));
    await waitFor(() => state.finished);
    expect(state.produced).toBeLessThan(100);
    close();
  });

  it('ends a stream with the error of its producer, after everything before it', async () => {
    const { ends, close } = open();
    serve(ends[1]);
    const rpc = new ThreadRpc<object, ServerApi>(ends[0], {});
    let items = 0;
    const read = async (): Promise<void> => {
      for await (const _item of rpc.stream('count', 2_000, 10)) items++;
    };
    await expect(read()).rejects.toMatchObject({ code: 'RANGE_ENDS' });
    expect(items).toBe(1_000);
    close();
  });

  it('fails what is under way and what comes after when it is closed', async () => {
    const { ends, close } = open();
    serve(ends[1]);
    const rpc = new ThreadRpc<object, ServerApi>(ends[0], {});
    const hanging = rpc.call('hang');
    rpc.close(stoppedError());
    await expect(hanging).rejects.toMatchObject({ code: 'NETWORK_STOPPED' });
    await expect(rpc.call('hang')).rejects.toMatchObject({ code: 'NETWORK_STOPPED' });
    close();
  });
});
