import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Hex } from '../../src/util/bytes.ts';
import { type NodeInfoJson, rpc } from '../support/json-rpc.ts';
import { TestDevnet } from '../support/test-devnet.ts';

const MAX_UNATTESTED = 3;

interface SequencerInfo extends NodeInfoJson {
  readonly unattestedBlocks: number;
  readonly isSlowedDown: boolean;
  readonly maxUnattestedBlocks: number;
}

interface Status {
  readonly rung: string;
  readonly attestedBy: readonly Hex[];
  readonly threshold: Hex;
  readonly provers: Hex;
}

let devnet: TestDevnet;

beforeAll(async () => {
  const pool = { provers: 3, shares: ['all', 'all', '0/2'] };
  devnet = await TestDevnet.create({ replicas: 1, ...pool, maxUnattestedBlocks: MAX_UNATTESTED });
  await devnet.start('sequencer');
  await devnet.start('replica-1', 'prover-1');
});

afterAll(() => devnet[Symbol.asyncDispose]());

let sent = 0;

/** A block opens with a transaction; without one the idle beat takes seconds. */
async function send(): Promise<void> {
  const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n };
  const to = '0x00000000000000000000000000000000000000aa';
  const request = { type: 'eip1559', chainId: devnet.chainId, to, value: 1n, gas: 21_000n, nonce: sent++, ...fees } as const;
  const raw = await devnet.account(0).signTransaction(request);
  await rpc(devnet.rpcUrl('sequencer'), 'eth_sendRawTransactionSync', [raw, 20_000]);
}

const sequencerInfo = (): Promise<SequencerInfo> => rpc<SequencerInfo>(devnet.rpcUrl('sequencer'), 'strobe_nodeInfo');
const statusOf = (block: number): Promise<Status> =>
  rpc<Status>(devnet.rpcUrl('replica-1'), 'strobe_blockStatus', [`0x${block.toString(16)}`]);

test('two provers of three make a block safe, one of them with half of the blocks; without enough the sequencer slows down', async () => {
  const sequencer = devnet.process('sequencer');
  // One prover of the two that are needed.
  const slow = await sequencer.until(async () => {
    await send();
    const info = await sequencerInfo();
    return info.isSlowedDown ? info : undefined;
  }, 'the sequencer slows down');
  expect(slow).toMatchObject({ safe: null, maxUnattestedBlocks: MAX_UNATTESTED });
  expect(slow.unattestedBlocks).toBeGreaterThanOrEqual(MAX_UNATTESTED);
  expect(await devnet.metric('sequencer', 'strobe_gas_budget_cut')).toBe(1);
  expect(await devnet.metric('sequencer', 'strobe_unattested_blocks')).toBeGreaterThanOrEqual(MAX_UNATTESTED);
  await sequencer.until(() => sequencer.output.includes('the gas budget is cut'), 'it says so');

  // The third prover takes even blocks: block 2 has two voices, block 1 waits, and safe with it.
  await devnet.start('prover-3');
  const replica = devnet.process('replica-1');
  await replica.until(async () => (await statusOf(2)).rung === 'attested', 'block 2 is attested');
  expect(await statusOf(2)).toMatchObject({ threshold: '0x2', provers: '0x3' });
  expect((await statusOf(2)).attestedBy).toHaveLength(2);
  expect(await statusOf(1)).toMatchObject({ rung: 'rootVerified' });
  expect((await statusOf(1)).attestedBy).toHaveLength(1);
  expect((await sequencerInfo()).safe).toBeNull();
  expect(await devnet.metric('replica-1', 'strobe_ladder_block_number', 'rung="attested"')).toBe(0);
  expect(await devnet.metric('prover-3', 'strobe_prover_skipped_blocks_total')).toBeGreaterThan(0);

  // With the second prover every block has two.
  await devnet.start('prover-2');
  const head = Number((await sequencerInfo()).head.number);
  for (const name of ['sequencer', 'replica-1']) await devnet.safeReaches(name, head);
  await sequencer.until(async () => !(await sequencerInfo()).isSlowedDown, 'the gas budget is whole');
  expect(await devnet.metric('sequencer', 'strobe_gas_budget_cut')).toBe(0);
  expect(await devnet.metric('replica-1', 'strobe_ladder_block_number', 'rung="attested"')).toBeGreaterThanOrEqual(head);
  expect((await statusOf(1)).attestedBy).toHaveLength(2);
  expect(await devnet.metric('prover-2', 'strobe_prover_skipped_blocks_total')).toBe(0);
});
