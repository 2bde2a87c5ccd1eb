import { expect, test } from 'vitest';
import { CONTROL_MEMORY_PAGES, CONTROL_PAGES, PAGE_WORDS } from '../../../../src/state/table/layout.ts';
import { PageAllocator } from '../../../../src/state/table/page-allocator.ts';
import { createMemory, TableMemory } from '../../../../src/state/table/table-memory.ts';

const MAX_PAGES = 300;

function create() {
  const memory = new TableMemory(createMemory(MAX_PAGES));
  return { memory, allocator: new PageAllocator(memory) };
}

test('pages follow the control block one after the other', () => {
  const { allocator } = create();
  expect(allocator.allocate(3)).toBe(CONTROL_PAGES * PAGE_WORDS);
  expect(allocator.allocate(1)).toBe((CONTROL_PAGES + 3) * PAGE_WORDS);
  expect(allocator.pages).toBe(CONTROL_PAGES + 4);
});

test('runs that were given back are joined, used again, and never for zeroed pages', () => {
  const { allocator } = create();
  const [a, b, c] = [allocator.allocate(2), allocator.allocate(3), allocator.allocate(1)];
  allocator.allocate(1);
  allocator.release(a, 2);
  allocator.release(c, 1);
  allocator.release(b, 3);
  expect(allocator.pages).toBe(CONTROL_PAGES + 1);
  expect(allocator.allocateZeroed(1)).toBeGreaterThan(c);
  expect(allocator.allocate(6)).toBe(a);
  allocator.release(a, 6);
  expect([allocator.allocate(4), allocator.allocate(2)]).toEqual([a, a + 4 * PAGE_WORDS]);
});

test('the memory grows as far as it may, and then says that it is full', () => {
  const { memory, allocator } = create();
  const first = allocator.allocate(100);
  memory.set(first, 42);
  const last = allocator.allocate(MAX_PAGES - 100 - CONTROL_PAGES);
  memory.set(last + PAGE_WORDS, 43);
  expect([memory.get(first), memory.get(last + PAGE_WORDS)]).toEqual([42, 43]);
  expect(memory.get(CONTROL_MEMORY_PAGES)).toBe(MAX_PAGES);
  expect(() => allocator.allocate(1)).toThrow(expect.objectContaining({ code: 'STATE_MEMORY_EXHAUSTED' }));
  allocator.release(first, 100);
  expect(allocator.allocate(100)).toBe(first);
});
