import { genWithdrawalsTrieRoot } from '@ethereumjs/block';
import { createWithdrawal, Address as LibraryAddress } from '@ethereumjs/util';
import { describe, expect, test } from 'vitest';
import type { SimulatedBlock, SimulationBlock } from '../../../src/protocol/ports/simulation.ts';
import { ZERO_HASH } from '../../../src/protocol/primitives.ts';
import { createStateDiff, encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { bigIntToBytes32, concatBytes, fromHex, padTo32, toHex } from '../../../src/util/bytes.ts';
import { StrobeError } from '../../../src/util/errors.ts';
import { initCodeOf, LOG, REVERT, SELF_DESTRUCT_INIT, STORE, words } from '../../support/contracts.ts';
import { defined } from '../../support/defined.ts';
import { addressOf, COINBASE, CONTRACT, ENV, ETHER, SENDER } from '../../support/execution-harness.ts';
import { BLOCK_SECONDS, simulationCall as call, simulationScene } from '../../support/simulation-scene.ts';

const OTHER = addressOf(0x17);
const EMPTY = addressOf(0x70);
/** Returns BLOCKHASH of the number in the input. */
const RETURN_BLOCK_HASH = fromHex('0x5f35405f5260205ff3');
/** Loops until the gas is gone. */
const LOOP = fromHex('0x5b5f56');

const only = (blocks: readonly SimulatedBlock[]): SimulatedBlock => {
  expect(blocks).toHaveLength(1);
  return defined(blocks[0]);
};

describe('the chain of simulated blocks', () => {
  test('fills gaps, and leaves the usual time between blocks that do not say when they are', async () => {
    const { simulate, base } = simulationScene();
    const blocks = await simulate([{}, { blockOverrides: { number: ENV.number + 4, timestamp: ENV.timestamp + 50 } }, {}]);
    expect(blocks.map(({ header }) => header.number - ENV.number)).toEqual([1, 2, 3, 4, 5]);
    const [first, second, third] = [1, 2, 3].map((n) => n * BLOCK_SECONDS);
    expect(blocks.map(({ header }) => header.timestamp - ENV.timestamp)).toEqual([first, second, third, 50, 50 + BLOCK_SECONDS]);
    expect(blocks.map(({ header }) => header.parentHash)).toEqual([base.hash, ...blocks.slice(0, -1).map(({ hash }) => hash)]);
  });

  test('takes the time of the open block where there is one', async () => {
    const blocks = await simulationScene().simulate([{}, {}], {}, { nextTimestamp: ENV.timestamp + 1 });
    expect(blocks.map(({ header }) => header.timestamp - ENV.timestamp)).toEqual([1, 1 + BLOCK_SECONDS]);
  });

  const at = (number: number, timestamp: number): SimulationBlock['blockOverrides'] => ({
    number: ENV.number + number,
    timestamp: ENV.timestamp + timestamp,
  });
  test.each([
    ['SIMULATED_BLOCK_NUMBER', 'block numbers must be in order: 7 <= 7', [at(0, 5)]],
    ['SIMULATED_BLOCK_NUMBER', 'block numbers must be in order: 8 <= 9', [at(2, 5), at(1, 6)]],
    ['SIMULATED_BLOCK_TIMESTAMP', 'block timestamps must be in order: 1700000000 <= 1700000000', [at(1, 0)]],
    ['SIMULATION_LIMIT_EXCEEDED', 'too many blocks', [at(257, 5_000)]],
  ])('%s: %s', async (code, message, overrides) => {
    const blocks = overrides.map((blockOverrides) => ({ blockOverrides }));
    await expect(simulationScene().simulate(blocks)).rejects.toMatchObject({ code, message });
  });

  test('has as many blocks as are allowed', async () => {
    const blocks = await simulationScene().simulate([{ blockOverrides: { number: ENV.number + 256 } }]);
    expect(blocks).toHaveLength(256);
  });

  test('knows the hashes of its own blocks, of the base, and of those below, but of none above the base', async () => {
    const { simulate, base } = simulationScene({ allocations: [{ address: CONTRACT, nonce: 1n, code: RETURN_BLOCK_HASH }] });
    const ask = (...numbers: number[]) => numbers.map((number) => call({ data: words(number) }));
    const [first, second] = await simulate([{}, { calls: ask(ENV.number - 1, ENV.number, ENV.number + 1, ENV.number + 2) }]);
    const below = new Uint8Array(32).fill(ENV.number - 1);
    expect(second?.calls.map(({ output }) => output)).toEqual([below, base.hash, first?.hash, ZERO_HASH]);
  });
});

describe('calls', () => {
  test('see what calls and blocks before them did, and pay as transactions do', async () => {
    const { simulate } = simulationScene();
    const fees = { maxFeePerGas: 2_000n, maxPriorityFeePerGas: 10n };
    const block = only(
      await simulate(
        [{ calls: [call({ to: OTHER, value: ETHER, ...fees }), call({ from: OTHER, to: EMPTY, value: ETHER })] }],
        {},
      ),
    );
    expect(block.calls.map(({ kind, gasUsed }) => [kind, gasUsed])).toEqual([
      ['success', 21_000n],
      ['success', 21_000n],
    ]);
    expect(block.header).toMatchObject({ gasUsed: 42_000n, baseFeePerGas: 0n, coinbase: COINBASE, prevRandao: ZERO_HASH });
    expect(block.transactions.map(({ type, nonce }) => [type, nonce])).toEqual([
      [2, 0n],
      [2, 0n],
    ]);
  });

  test('with validation need the right nonce and the next base fee', async () => {
    const { simulate } = simulationScene();
    const paid = { maxFeePerGas: 1_000n, to: OTHER };
    const checked = (fields: Parameters<typeof call>[0]) => simulate([{ calls: [call(fields)] }], { validation: true });
    // The base block used no gas: an eighth less than its base fee.
    expect(only(await checked(paid)).header.baseFeePerGas).toBe(875n);
    await expect(checked({ ...paid, nonce: 1n })).rejects.toMatchObject({ code: 'SIMULATED_NONCE_TOO_HIGH' });
    await expect(checked({ ...paid, maxFeePerGas: 874n })).rejects.toMatchObject({ code: 'SIMULATED_FEE_TOO_LOW' });
    await expect(checked({ ...paid, maxPriorityFeePerGas: 1_001n })).rejects.toMatchObject({ code: 'SIMULATED_CALL_INVALID' });
    const twice = [call({ ...paid, nonce: 0n }), call({ ...paid, nonce: 0n })];
    await expect(simulate([{ calls: twice }], { validation: true })).rejects.toMatchObject({ code: 'SIMULATED_NONCE_TOO_LOW' });
    expect(only(await simulate([{ calls: twice }])).calls).toHaveLength(2);
  });

  test.each([
    ['SIMULATED_INSUFFICIENT_FUNDS', { from: OTHER, value: 1n }],
    ['SIMULATED_INTRINSIC_GAS_TOO_LOW', { gas: 20_000n }],
    ['SIMULATED_INIT_CODE_TOO_LARGE', { to: undefined, data: new Uint8Array(49_153) }],
    ['SIMULATED_BLOCK_GAS_LIMIT', { gas: ENV.gasLimit + 1n }],
    ['SIMULATED_CALL_INVALID', { blobVersionedHashes: [words(1)] }],
  ])('%s', async (code, fields) => {
    await expect(simulationScene().simulate([{ calls: [call(fields)] }])).rejects.toMatchObject({ code });
  });

  test('that fail are in their block, with why', async () => {
    const { simulate } = simulationScene({
      allocations: [
        { address: CONTRACT, nonce: 1n, code: REVERT },
        { address: OTHER, nonce: 1n, code: LOOP },
      ],
    });
    const { calls, header } = only(await simulate([{ calls: [call(), call({ to: OTHER, gas: 30_000n })] }]));
    expect(calls).toMatchObject([
      { kind: 'reverted', message: 'execution reverted', logs: [] },
      { kind: 'failed', message: 'out of gas', gasUsed: 30_000n },
    ]);
    expect(header.gasUsed).toBe(calls.reduce((sum, { gasUsed }) => sum + gasUsed, 0n));
  });

  test('share the gas of the simulation', async () => {
    const { simulate } = simulationScene({ gasCap: 50_000n });
    const [first, second] = await simulate([{ calls: [call({ to: OTHER })] }, { calls: [call({ to: OTHER })] }]);
    expect([first, second].map((block) => block?.transactions[0]?.gasLimit)).toEqual([50_000n, 29_000n]);
    const greedy = [call({ to: OTHER }), call({ to: OTHER }), call({ to: OTHER })];
    await expect(simulate([{ calls: greedy }])).rejects.toMatchObject({ code: 'SIMULATED_INTRINSIC_GAS_TOO_LOW' });
  });

  test('are ended when their time is over, and the next simulation runs', async () => {
    const { simulate } = simulationScene({ maxCallMs: 20, allocations: [{ address: CONTRACT, nonce: 1n, code: LOOP }] });
    await expect(simulate([{ calls: [call()] }])).rejects.toMatchObject({
      code: 'CALL_TIMEOUT',
      message: 'execution aborted (timeout = 0.02s)',
    });
    expect(only(await simulate([{ calls: [call({ to: OTHER })] }])).calls).toMatchObject([{ kind: 'success' }]);
  });

  test('of simulations at the same time do not meet', async () => {
    const { simulate } = simulationScene();
    const send = () => simulate([{ calls: [call({ to: OTHER, value: 1n })] }, {}]);
    const answers = await Promise.all([send(), send(), send()]);
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });
});

describe('logs', () => {
  const etherLog = (from: Uint8Array, to: Uint8Array, wei: bigint) => ({
    address: new Uint8Array(20).fill(0xee),
    topics: [expect.anything(), padTo32(from), padTo32(to)],
    data: bigIntToBytes32(wei),
  });

  test('have transfers among them when they are asked for, in order; their receipts do not', async () => {
    // Logs, then sends 3 wei to OTHER.
    const code = concatBytes(fromHex('0x602a5fa05f5f5f5f600373'), OTHER, fromHex('0x5af100'));
    const { simulate } = simulationScene({ allocations: [{ address: CONTRACT, nonce: 1n, code }] });
    const request = [{ calls: [call({ value: 5n })] }];
    const traced = only(await simulate(request, { traceTransfers: true }));
    const plain = only(await simulate(request));
    expect(traced.calls[0]?.logs).toMatchObject([
      { index: 0, ...etherLog(SENDER, CONTRACT, 5n) },
      { index: 1, address: CONTRACT },
      { index: 2, ...etherLog(CONTRACT, OTHER, 3n) },
    ]);
    expect(plain.calls[0]?.logs).toMatchObject([{ index: 0, address: CONTRACT }]);
    expect(traced.header).toEqual(plain.header);
  });

  test('show the value of a creation and what a contract leaves behind', async () => {
    const { simulate } = simulationScene();
    const created = { to: undefined, data: SELF_DESTRUCT_INIT, value: 9n };
    const { calls } = only(await simulate([{ calls: [call(created)] }], { traceTransfers: true }));
    const [given, left] = calls[0]?.logs ?? [];
    expect(given).toMatchObject({ topics: [expect.anything(), padTo32(SENDER), left?.topics[1]] });
    expect(left).toMatchObject(etherLog(defined(given?.topics[2]).subarray(12), SENDER, 9n));
  });

  test('of a call that fails are dropped, those of its neighbours stay', async () => {
    const { simulate } = simulationScene({
      allocations: [
        { address: CONTRACT, nonce: 1n, code: LOG },
        { address: OTHER, nonce: 1n, code: REVERT },
      ],
    });
    const calls = [call({ data: words(1, 2) }), call({ to: OTHER, value: 1n }), call({ data: words(3, 4) })];
    const block = only(await simulate([{ calls }], { traceTransfers: true }));
    expect(block.calls.map(({ logs }) => logs.map(({ index }) => index))).toEqual([[0], [], [2]]);
  });
});

describe('roots', () => {
  const deploy = call({ to: undefined, data: initCodeOf(STORE) });
  const blocks: Partial<SimulationBlock>[] = [
    { calls: [call({ data: words(1, 5, 2, 6) }), call({ to: EMPTY, value: 7n }), deploy] },
    { stateOverrides: [{ address: CONTRACT, state: [{ key: bigIntToBytes32(9n), value: bigIntToBytes32(1n) }] }] },
    { calls: [call({ data: words(1, 3, 9, 0) })], blockOverrides: { coinbase: OTHER } },
    { stateOverrides: [{ address: EMPTY, balance: 0n }], calls: [call({ to: undefined, data: SELF_DESTRUCT_INIT, value: 1n })] },
  ];
  const allocations = [{ address: CONTRACT, nonce: 1n, code: STORE, slots: [{ key: bigIntToBytes32(1n), value: words(4) }] }];

  test('of states are built on what mini-blocks above the base changed', async () => {
    const { simulate, state, trie, base } = simulationScene({ allocations });
    const changes = createStateDiff([{ address: EMPTY, balance: 5n }], []);
    state.apply(changes, state.number + 1);
    const newest = { state: defined(state.at(state.number)) };
    const onOpen = await simulate(blocks, {}, { ...newest, changes });
    trie.apply(encodeStateDiff(changes));
    const sealed = { ...base.header, stateRoot: trie.endBlock() };
    expect(onOpen).toEqual(await simulate(blocks, {}, { ...newest, header: sealed }));
    expect(onOpen[0]?.header.stateRoot).not.toEqual(ZERO_HASH);
    expect(new Set(onOpen.map(({ header }) => toHex(header.stateRoot))).size).toBe(blocks.length);
  });

  test('of states are zero, and hashes without them the same, where there is no trie or none of that state', async () => {
    const missing = async () => {
      throw new StrobeError('PROOF_NOT_AVAILABLE', 'no state with this root is kept');
    };
    const without = await simulationScene({ allocations, stateNodes: undefined }).simulate(blocks);
    const unknown = await simulationScene({ allocations }).simulate(blocks, {}, { changes: undefined });
    const pruned = await simulationScene({ allocations, stateNodes: { nodes: missing } }).simulate(blocks);
    expect(without.map(({ header }) => header.stateRoot)).toEqual(blocks.map(() => ZERO_HASH));
    expect(unknown).toEqual(without);
    expect(pruned).toEqual(without);
    const rooted = await simulationScene({ allocations }).simulate(blocks);
    expect(without[0]).toEqual({ ...rooted[0], hash: without[0]?.hash, header: { ...rooted[0]?.header, stateRoot: ZERO_HASH } });
  });

  test('withdrawals are paid and have their root', async () => {
    const { simulate } = simulationScene();
    const withdrawal = { index: 1n, validatorIndex: 2n, address: OTHER, amountGwei: 3n };
    const [paid, next] = await simulate([
      { blockOverrides: { withdrawals: [withdrawal] } },
      { calls: [call({ from: OTHER, to: EMPTY, value: 3n * 10n ** 9n })] },
    ]);
    const { index, validatorIndex, address, amountGwei: amount } = withdrawal;
    const reference = createWithdrawal({ index, validatorIndex, address: new LibraryAddress(address), amount });
    expect(paid?.header.withdrawalsRoot).toEqual(await genWithdrawalsTrieRoot([reference]));
    expect(paid?.withdrawals).toEqual([withdrawal]);
    expect(next?.calls).toMatchObject([{ kind: 'success' }]);
  });
});

test('the parent hash and the beacon root are in the system contracts', async () => {
  const { simulate, base } = simulationScene();
  const history = fromHex('0x0000f90827f1c53a10cb7a02335b175320002935');
  const beaconRoots = fromHex('0x000f3df6d732807ef1319fb7b8bb8522d0beac02');
  const parentBeaconRoot = new Uint8Array(32).fill(0xbe);
  const timestamp = ENV.timestamp + 5;
  const { calls } = only(
    await simulate([
      {
        blockOverrides: { parentBeaconRoot, timestamp },
        calls: [call({ to: history, data: words(ENV.number) }), call({ to: beaconRoots, data: words(timestamp) })],
      },
    ]),
  );
  expect(calls.map(({ output }) => output)).toEqual([base.hash, parentBeaconRoot]);
});
