import { expect, test } from 'vitest';
import { encodeLinkFrame, LINK_KIND, MAX_LINK_FRAME_BYTES } from '../../../src/network/link-frames.ts';
import {
  decodePoolCounts,
  decodePoolPage,
  decodePoolPageRequest,
  encodePoolCounts,
  encodePoolPage,
  encodePoolPageRequest,
} from '../../../src/network/link-pool.ts';
import { MAX_POOL_PAGE_ENTRIES, MAX_TRANSACTION_BYTES } from '../../../src/protocol/limits.ts';
import type { PoolPage, PoolPageEntry } from '../../../src/protocol/ports/pool.ts';
import { strobeCodeOf } from '../../support/strobe-code.ts';

const sender = new Uint8Array(20).fill(7);

const entry = (bytes: number, isQueued = false): PoolPageEntry => ({ raw: new Uint8Array(bytes).fill(0xaa), sender, isQueued });

test.each<[string, PoolPage]>([
  ['empty', { entries: [], next: undefined }],
  ['last', { entries: [entry(110), entry(1, true)], next: undefined }],
  ['followed by another', { entries: [entry(200, true)], next: 2 ** 40 }],
])('a page that is %s arrives as it was sent', (_, page) => {
  expect(decodePoolPage(encodePoolPage(page), 5)).toEqual(page);
});

test('requests and counts arrive as they were sent', () => {
  for (const request of [
    { from: 0, sender: undefined },
    { from: 77, sender },
  ]) {
    expect(decodePoolPageRequest(encodePoolPageRequest(request))).toEqual(request);
  }
  expect(decodePoolCounts(encodePoolCounts({ pending: 50_000, queued: 0 }))).toEqual({ pending: 50_000, queued: 0 });
});

test('the fullest pages fit in a frame', () => {
  const many = Array.from({ length: MAX_POOL_PAGE_ENTRIES }, () => entry(MAX_TRANSACTION_BYTES / MAX_POOL_PAGE_ENTRIES, true));
  for (const entries of [many, [entry(MAX_TRANSACTION_BYTES)]]) {
    const body = encodePoolPage({ entries, next: Number.MAX_SAFE_INTEGER });
    expect(encodeLinkFrame({ kind: LINK_KIND.value, id: 1, body }).length).toBeLessThanOrEqual(MAX_LINK_FRAME_BYTES);
  }
});

test.each<[string, PoolPage]>([
  ['that begins again', { entries: [entry(1)], next: 5 }],
  ['that goes back', { entries: [entry(1)], next: 4 }],
  ['that is empty and promises more', { entries: [], next: 9 }],
])('a page %s is refused: it would be asked for without end', (_, page) => {
  expect(strobeCodeOf(() => decodePoolPage(encodePoolPage(page), 5))).toBe('PROTOCOL_VIOLATION');
});

test.each([new Uint8Array(0), Uint8Array.of(0xc0), Uint8Array.of(0xc2, 0x80, 0x80), Uint8Array.of(0xff, 1, 2)])(
  'what is no listing is refused: %s',
  (body) => {
    expect(strobeCodeOf(() => decodePoolPage(body, 0))).toBe('PROTOCOL_VIOLATION');
    expect(strobeCodeOf(() => decodePoolPageRequest(Uint8Array.of(0xc1, ...body)))).toBe('PROTOCOL_VIOLATION');
    expect(strobeCodeOf(() => decodePoolCounts(Uint8Array.of(0xc1, ...body)))).toBe('PROTOCOL_VIOLATION');
  },
);
