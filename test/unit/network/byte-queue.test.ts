import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ByteQueue } from '../../../src/network/byte-queue.ts';
import { concatBytes } from '../../../src/util/bytes.ts';

describe('ByteQueue', () => {
  it('gives back the bytes in order however they were cut', () => {
    const chunks = fc.array(fc.uint8Array({ maxLength: 12 }), { maxLength: 20 });
    const cuts = fc.array(fc.nat({ max: 9 }), { maxLength: 40 });
    fc.assert(
      fc.property(chunks, cuts, (pushed, taken) => {
        const queue = new ByteQueue();
        for (const chunk of pushed) queue.push(chunk);
        const whole = concatBytes(...pushed);
        let offset = 0;
        for (const count of taken) {
          expect(queue.length).toBe(whole.length - offset);
          const head = whole.subarray(offset, offset + 4);
          expect(queue.peekUint32()).toBe(head.length < 4 ? undefined : Buffer.from(head).readUInt32BE());
          if (count > queue.length) continue;
          expect(queue.take(count)).toEqual(whole.slice(offset, offset + count));
          offset += count;
        }
      }),
    );
  });

  it('hands out memory of its own', () => {
    const chunk = Uint8Array.of(1, 2, 3);
    const queue = new ByteQueue();
    queue.push(chunk);
    const taken = queue.take(3);
    chunk.fill(9);
    expect(taken).toEqual(Uint8Array.of(1, 2, 3));
  });
});
