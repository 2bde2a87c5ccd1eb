import { zeroWords } from './copy';
import { bytesOf, HEADER_BYTES, KINDS, nextOf, setNext } from './record';

/** Records of one kind are cut from chunks of this size: one page, so that 128-byte records stay on two cache lines. */
export const CHUNK_BYTES: usize = 65536;
const PAGE_BITS: usize = 16;
/** Memory grows by this many pages (4 MiB) at a time. */
const GROWTH_PAGES: i32 = 64;

let top: usize = (__heap_base + 63) & ~63;
let pageLimit: i32 = 0;

const freeHeads: usize = memory.data(KINDS * 4, 4);
const chunkAt: usize = memory.data(KINDS * 4, 4);
const chunkEnd: usize = memory.data(KINDS * 4, 4);
const liveCounts: usize = memory.data(KINDS * 4, 4);

export function setPageLimit(pages: i32): void {
  pageLimit = pages;
}

/** Takes fresh memory; traps at the limit, as nothing can be done half. */
export function reserve(bytes: usize): usize {
  const at = top;
  const end = (at as u64) + (bytes as u64);
  const pages = ((end + 0xffff) >> PAGE_BITS) as i32;
  if (pages > memory.size()) {
    if (pages > pageLimit) unreachable();
    const wanted = min(pages + GROWTH_PAGES, pageLimit) - memory.size();
    if (memory.grow(wanted) < 0) unreachable();
  }
  top = end as usize;
  return at;
}

/** A record of this kind with its header zeroed; the rest may hold what was there before. */
export function allocate(kind: u32): usize {
  const list = freeHeads + kind * 4;
  let at: usize = load<u32>(list);
  if (at != 0) {
    store<u32>(list, nextOf(at));
  } else {
    at = cut(kind);
  }
  zeroWords(at, HEADER_BYTES >> 3);
  store<u8>(at, kind);
  store<u32>(liveCounts + kind * 4, load<u32>(liveCounts + kind * 4) + 1);
  return at;
}

function cut(kind: u32): usize {
  const bytes = bytesOf(kind);
  const cursor = chunkAt + kind * 4;
  let at: usize = load<u32>(cursor);
  if (at == 0 || at + bytes > <usize>load<u32>(chunkEnd + kind * 4)) {
    at = reserve(CHUNK_BYTES);
    store<u32>(chunkEnd + kind * 4, at + CHUNK_BYTES);
  }
  store<u32>(cursor, at + bytes);
  return at;
}

/** Gives a record back to the free list of its kind. */
export function release(at: usize, kind: u32): void {
  setNext(at, load<u32>(freeHeads + kind * 4));
  store<u32>(freeHeads + kind * 4, at);
  store<u32>(liveCounts + kind * 4, load<u32>(liveCounts + kind * 4) - 1);
}

export function liveCount(kind: u32): u32 {
  return load<u32>(liveCounts + kind * 4);
}

/** Bytes taken so far, free records included. */
export function usedBytes(): usize {
  return top;
}
