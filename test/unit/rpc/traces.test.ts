import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeHeader } from '../../../src/protocol/block-header.ts';
import { decodeRlp, encodeRlp } from '../../../src/protocol/rlp.ts';
import { encodeWitness } from '../../../src/protocol/witness.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { addressOf } from '../../support/execution-harness.ts';
import { RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

const harness = new RpcHarness({ limits: { maxTraceMs: 4_000, maxResponseBytes: 100_000 } });
const unknown = `0x${'00'.repeat(31)}01`;
const blockOf = (number: number) => toHex(harness.chain.blocks[number]?.hash ?? new Uint8Array(0));
let hashes: string[];

beforeAll(async () => {
  await harness.start();
  // Two blocks of two transactions, then an open block with one.
  const hashes_: string[] = [];
  for (let nonce = 0; nonce < 5; nonce++) {
    hashes_.push(await harness.result('eth_sendRawTransaction', await signTransfer({ nonce })));
    harness.chain.mine();
    if (nonce === 1 || nonce === 3) harness.chain.seal();
  }
  hashes = hashes_;
});
afterAll(() => harness.stop());
beforeEach(() => {
  harness.chain.oldestState = 0;
});

describe('debug_traceTransaction', () => {
  test('traces a transaction on the state of the parent of its block', async () => {
    const { tracer, what } = await harness.result('debug_traceTransaction', hashes[3]);
    expect(what).toEqual({ block: 2, index: 1, before: 2 });
    const flags = { enableMemory: false, disableStack: false, disableStorage: false, enableReturnData: false };
    expect(tracer).toEqual({ name: 'structLogger', ...flags, limit: 0 });
  });

  test('traces one of the open block', async () => {
    expect((await harness.result('debug_traceTransaction', hashes[4])).what).toEqual({ block: 3, index: 0, before: 1 });
  });

  test.each([
    [{}, 4_000],
    [{ timeout: '300ms' }, 300],
    [{ timeout: '1m30s' }, 4_000],
    [{ timeout: '1.5s' }, 1_500],
  ])('with %j may take %i ms', async (config, maxMs) => {
    const { limits } = await harness.result('debug_traceTransaction', hashes[0], config);
    expect(limits).toEqual({ maxMs, maxCharacters: 100_000 });
  });

  test.each([
    [{ tracer: 'callTracer' }, { name: 'callTracer', onlyTopCall: false, withLog: false }],
    [
      { tracer: 'callTracer', tracerConfig: { withLog: true, onlyTopCall: true } },
      { name: 'callTracer', onlyTopCall: true, withLog: true },
    ],
    [
      { tracer: 'prestateTracer', tracerConfig: { diffMode: true, disableCode: true }, reexec: 128 },
      { name: 'prestateTracer', diffMode: true, disableCode: true, disableStorage: false, includeEmpty: false },
    ],
    [{ tracer: '4byteTracer' }, { name: '4byteTracer' }],
    [
      { tracer: 'muxTracer', tracerConfig: { noopTracer: null, callTracer: { withLog: true } } },
      { name: 'muxTracer', tracers: [{ name: 'noopTracer' }, { name: 'callTracer', onlyTopCall: false, withLog: true }] },
    ],
    [
      { tracer: '', limit: 5, enableMemory: true },
      expect.objectContaining({ name: 'structLogger', limit: 5, enableMemory: true }),
    ],
  ])('reads %j', async (config, tracer) => {
    expect((await harness.result('debug_traceTransaction', hashes[0], config)).tracer).toEqual(tracer);
  });

  test.each([
    [{ tracer: 'flatTracer' }, /config\.tracer: unknown tracer: expected one of callTracer, prestateTracer/],
    [{ tracer: '{data: [], fault: function(log) {}}' }, /JavaScript tracers are not supported/],
    [{ tracer: 7 }, /config\.tracer: expected the name of a tracer/],
    [{ tracer: 'callTracer', tracerConfig: { withLog: 1 } }, /config\.tracerConfig\.withLog: expected true or false/],
    [{ tracer: 'prestateTracer', tracerConfig: { diffMode: true, includeEmpty: true } }, /cannot use diffMode with includeEmpty/],
    [{ tracer: 'muxTracer', tracerConfig: { muxTracer: {} } }, /cannot hold another/],
    [{ timeout: '5 seconds' }, /config\.timeout: expected a duration/],
    [{ timeout: '-5s' }, /config\.timeout/],
    [{ limit: -1 }, /config\.limit: expected a whole number/],
    [{ enableMemory: 'yes' }, /config\.enableMemory/],
    ['callTracer', /config: expected an object/],
  ])('refuses %j', async (config, message) => {
    const { error } = await harness.call('debug_traceTransaction', hashes[0], config);
    expect(error).toMatchObject({ code: -32_602, message: expect.stringMatching(message) });
  });

  test('does not know every transaction, nor has every state', async () => {
    expect((await harness.call('debug_traceTransaction', unknown)).error).toEqual({
      code: -32_000,
      message: 'transaction not found',
    });
    harness.chain.oldestState = 2;
    expect((await harness.call('debug_traceTransaction', hashes[2])).error).toEqual({
      code: -32_000,
      message: 'required historical state unavailable: the state of block 1 is not kept',
    });
    expect((await harness.call('debug_traceTransaction', hashes[4])).result).toBeDefined();
  });
});

describe('debug_traceBlock*', () => {
  const names = (traces: { txHash: string }[]) => traces.map(({ txHash }) => txHash);

  test('traces every transaction of a block by number, tag, hash and RLP', async () => {
    const byNumber = await harness.result('debug_traceBlockByNumber', '0x2');
    expect(names(byNumber)).toEqual([hashes[2], hashes[3]]);
    expect(byNumber[1].result.what).toEqual({ block: 2, hash: hashes[3] });
    expect(await harness.result('debug_traceBlockByNumber', 'latest')).toEqual(byNumber);
    expect(await harness.result('debug_traceBlockByHash', blockOf(2))).toEqual(byNumber);
    const raw = await harness.result('debug_getRawBlock', '0x2');
    expect(await harness.result('debug_traceBlock', raw)).toEqual(byNumber);
  });

  test('traces the open block as pending and by its number', async () => {
    const pending = await harness.result('debug_traceBlockByNumber', 'pending', { tracer: 'callTracer' });
    expect(names(pending)).toEqual([hashes[4]]);
    expect(await harness.result('debug_traceBlockByNumber', '0x3', { tracer: 'callTracer' })).toEqual(pending);
  });

  test.each([
    ['debug_traceBlockByNumber', '0x0', 'genesis is not traceable'],
    ['debug_traceBlockByNumber', '0x9', 'block #9 not found'],
    ['debug_traceBlockByHash', unknown, `block ${unknown} not found`],
  ])('%s refuses %s', async (method, block, message) => {
    expect((await harness.call(method, block)).error).toEqual({ code: -32_000, message });
  });

  test('refuses RLP of no block, and of one that is not in this chain', async () => {
    const header = harness.chain.blocks[1]?.header;
    const broken = await harness.call('debug_traceBlock', toHex(encodeRlp([[fromHex('0x01')]])));
    expect(broken.error).toMatchObject({ code: -32_602, message: expect.stringContaining('could not decode block') });
    expect((await harness.call('debug_traceBlock', '0xc1')).error?.code).toBe(-32_602);
    const foreign = encodeRlp([decodeRlp(encodeHeader({ ...(header as NonNullable<typeof header>), gasUsed: 1n })), [], []]);
    expect((await harness.call('debug_traceBlock', toHex(foreign))).error?.message).toMatch(/^block 0x[0-9a-f]{64} not found$/);
  });
});

describe('debug_traceCall', () => {
  const to = toHex(addressOf(0x41));

  test('runs in the open block on the newest state, or in the block that is named', async () => {
    expect((await harness.result('debug_traceCall', { to }, 'latest')).what).toMatchObject({ to, block: 3, before: null });
    expect((await harness.result('debug_traceCall', { to }, '0x1')).what).toMatchObject({ block: 1 });
  });

  test("takes block overrides by geth's names", async () => {
    const blockOverrides = { number: '0x64', time: '0x7' };
    const { what } = await harness.result('debug_traceCall', { to }, '0x1', { blockOverrides });
    expect(what).toMatchObject({ block: 100, timestamp: 7 });
  });

  test('takes state overrides, and a place in the block', async () => {
    const stateOverrides = { [to]: { balance: '0x1' } };
    expect((await harness.result('debug_traceCall', { to }, '0x1', { stateOverrides })).what.overrides).toBe(1);
    expect((await harness.result('debug_traceCall', { to }, '0x2', { txIndex: '0x1' })).what).toMatchObject({
      block: 2,
      before: 1,
    });
    const { error } = await harness.call('debug_traceCall', { to }, '0x2', { txIndex: '0x2' });
    expect(error).toEqual({ code: -32_000, message: 'transaction index 2 out of range: the block has 2' });
  });
});

describe('debug_executionWitness', () => {
  test('gives the stored witness of a sealed block', async () => {
    const [nodes, codes, headers] = [[1], [2], [3]].map((bytes) => [Uint8Array.from(bytes)]) as [
      Uint8Array[],
      Uint8Array[],
      Uint8Array[],
    ];
    const keys = [{ address: addressOf(0x41), slots: [new Uint8Array(32)] }];
    harness.chain.storedWitnesses.set(2, encodeWitness({ nodes, codes, headers, keys }));
    const expected = {
      ...{ state: ['0x01'], codes: ['0x02'], headers: ['0x03'] },
      keys: [toHex(addressOf(0x41)), `0x${'00'.repeat(32)}`],
    };
    expect(await harness.result('debug_executionWitness', '0x2')).toEqual(expected);
    expect(await harness.result('debug_executionWitness', 'latest')).toEqual(expected);
    expect(await harness.result('debug_executionWitness', blockOf(2))).toEqual(expected);
  });

  test.each([
    ['pending', -32_602, /a pending block has no witness yet/],
    ['0x1', 4_444, /the witness of block 1 is pruned/],
    ['0x0', -32_000, /genesis/],
    ['0x9', -32_000, /block not found/],
  ])('of %s is error %i', async (block, code, message) => {
    const { error } = await harness.call('debug_executionWitness', block);
    expect(error).toMatchObject({ code, message: expect.stringMatching(message) });
  });
});
