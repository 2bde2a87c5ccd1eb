import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { CallPosition } from '../../../src/protocol/ports/execution.ts';
import { runCallAt } from '../../../src/rpc/state-at-block.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { CONTRACT } from '../../support/fake-contracts.ts';
import { ALICE, BOB, INITIAL_BALANCE, RpcHarness, signTransfer } from '../../support/rpc-harness.ts';

/** Blocks 1 to 3 with one transfer of 1 wei to Bob each; block 4 is open with another. */
const SEALED = 3;
const rpc = new RpcHarness();
const hashes: string[] = [];

async function transfer(nonce: number): Promise<void> {
  await rpc.result('eth_sendRawTransaction', await signTransfer({ nonce }));
  rpc.chain.mine();
}

beforeAll(async () => {
  await rpc.start();
  hashes.push(toHex(rpc.chain.blocks[0]?.hash ?? new Uint8Array(0)));
  for (let nonce = 0; nonce < SEALED; nonce++) {
    await transfer(nonce);
    hashes.push(toHex(rpc.chain.seal().hash));
  }
  await transfer(SEALED);
  rpc.chain.safe = 2;
  rpc.chain.finalized = 1;
});
afterAll(() => rpc.stop());

const hex = (value: number | bigint): string => `0x${value.toString(16)}`;

/** Every way to name a block, and the block whose state it means; 4 is the newest state. */
const FORMS: readonly [unknown, number][] = [
  [undefined, 4],
  [null, 4],
  ['latest', 4],
  ['0x4', 4],
  [{ blockNumber: '0x4' }, 4],
  ['0x3', 3],
  ['0x2', 2],
  ['safe', 2],
  ['finalized', 1],
  [{ blockNumber: '0x1' }, 1],
  ['0x0', 0],
  ['earliest', 0],
];

describe('state', () => {
  it.each(FORMS)('at %j is that of block %i', async (form, block) => {
    const received = (await rpc.result('eth_getBalance', BOB.address, form)) as string;
    expect(received).toBe(hex(block));
    expect(await rpc.result('eth_getBalance', ALICE.address, form)).toBe(hex(INITIAL_BALANCE - BigInt(block)));
    expect(await rpc.result('eth_getTransactionCount', ALICE.address, form)).toBe(hex(block));
    expect(await rpc.result('eth_getCode', toHex(CONTRACT), form)).toBe('0x60016002');
    expect(await rpc.result('eth_getStorageAt', toHex(CONTRACT), '0x1', form)).toBe(`0x${'2a'.padStart(64, '0')}`);
  });

  it('at a hash is that of the block', async () => {
    for (const [block, hash] of hashes.entries()) {
      for (const form of [hash, { blockHash: hash, requireCanonical: true }]) {
        expect(await rpc.result('eth_getBalance', BOB.address, form)).toBe(hex(block));
      }
    }
  });

  it('at pending is the newest, without the pool', async () => {
    expect(await rpc.result('eth_getBalance', BOB.address, 'pending')).toBe('0x4');
  });
});

describe('calls', () => {
  const lastPosition = (): CallPosition => rpc.chain.calls.at(-1)?.position as CallPosition;

  it.each(['eth_call', 'eth_estimateGas', 'eth_createAccessList'])(
    '%s runs in the state and environment of its block',
    async (method) => {
      const params = [...FORMS, ...hashes.map((hash, block): [unknown, number] => [hash, block])];
      for (const [form, block] of params) {
        await rpc.result(method, { to: BOB.address }, form);
        const { state, env } = lastPosition();
        expect(state.getAccount(fromHex(BOB.address))?.balance ?? 0n).toBe(BigInt(block));
        const expected = block > SEALED ? rpc.chain.open?.env : rpc.chain.blocks[block]?.header;
        const { number, parentHash, timestamp, baseFeePerGas, gasLimit, coinbase, prevRandao } = expected as typeof env;
        expect(env).toMatchObject({ number, parentHash, timestamp, baseFeePerGas, gasLimit, coinbase, prevRandao });
        expect(number).toBe(block);
      }
    },
  );
});

describe('fails', () => {
  const METHODS: readonly [string, ...unknown[]][] = [
    ['eth_getBalance', ALICE.address],
    ['eth_getCode', ALICE.address],
    ['eth_getTransactionCount', ALICE.address],
    ['eth_getStorageAt', ALICE.address, '0x0'],
    ['eth_call', {}],
    ['eth_estimateGas', {}],
    ['eth_createAccessList', {}],
  ];

  it.each(METHODS)('%s above the head and at unknown hashes', async (method, ...params) => {
    expect((await rpc.call(method, ...params, '0x5')).error).toEqual({ code: -32000, message: 'header not found' });
    expect((await rpc.call(method, ...params, `0x${'11'.repeat(32)}`)).error).toEqual({
      code: -32000,
      message: 'header for hash not found',
    });
  });

  it.each(METHODS)('%s at blocks whose state is not kept any more', async (method, ...params) => {
    rpc.chain.oldestState = 2;
    for (const form of ['0x1', 'earliest', 'finalized', hashes[1]]) {
      const { error } = await rpc.call(method, ...params, form);
      expect(error).toMatchObject({
        code: -32000,
        message: expect.stringMatching(
          /^historical state is not available: block [01] is not .* the oldest of which is block 2$/,
        ),
      });
    }
    expect((await rpc.call(method, ...params, '0x2')).error).toBeUndefined();
    rpc.chain.oldestState = 0;
  });
});

it('the state is taken after the block was read, in the step that uses it', async () => {
  const { backend } = rpc.chain;
  let isStale = true;
  let taken: 'stale' | 'fresh' | undefined;
  const slow: typeof backend = {
    ...backend,
    chain: {
      ...backend.chain,
      blockByNumber: async (number) => {
        await new Promise(setImmediate);
        isStale = false;
        return backend.chain.blockByNumber(number);
      },
    },
    stateAt: (number) => {
      taken = isStale ? 'stale' : 'fresh';
      queueMicrotask(() => {
        taken = undefined;
      });
      return backend.stateAt(number);
    },
  };
  const seen = await runCallAt({ kind: 'number', number: 1 }, slow, async ({ env }) => [taken, env.number]);
  expect(seen).toEqual(['fresh', 1]);
});

it('the head has its own state when no block is open', async () => {
  const head = rpc.chain.seal().header.number;
  for (const form of ['latest', 'pending', hex(head)]) {
    expect(await rpc.result('eth_getBalance', BOB.address, form)).toBe('0x4');
    await rpc.result('eth_call', {}, form);
    expect(rpc.chain.calls.at(-1)?.position.env.number).toBe(head);
  }
  expect((await rpc.call('eth_call', {}, hex(head + 1))).error?.message).toBe('header not found');
});
