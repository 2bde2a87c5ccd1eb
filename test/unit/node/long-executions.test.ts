import { describe, expect, it } from 'vitest';
import { openRpcThread } from '../../../src/node/rpc-thread.ts';
import { type Hex, toHex } from '../../../src/util/bytes.ts';
import { defined } from '../../support/defined.ts';
import { onThisThread, RpcThreadKit } from '../../support/rpc-thread-kit.ts';

const LONGEST_MS = 200;
const CONTRACT = `0x${'c0'.repeat(20)}`;
/** JUMPDEST PUSH0 JUMP */
const ENDLESS = '0x5b5f56';
/**
 * Counts down from 40,000, some tens of milliseconds, and returns the balance of the address in the call data, the hash of the
 * block before, and the number of its own.
 */
const SLOW_FACTS = '0x619c405b600190038060035750' + '5f35315f52' + '60014303406020524360405260605ff3';

async function serve(openHost: Parameters<RpcThreadKit['serve']>[0], maxCallMs: number): Promise<RpcThreadKit> {
  const kit = await new RpcThreadKit().open();
  kit.callLimits = { maxCallMs, quickCallMs: 5 };
  for (let block = 0; block < 2; block++) {
    await kit.transfer(block);
    await kit.seal();
  }
  await kit.transfer(0);
  await kit.serve(openHost);
  return kit;
}

const placesOf = async (kit: RpcThreadKit): Promise<Record<string, number>> => {
  const page = (await kit.metrics.expose()).body;
  const counts = [...page.matchAll(/^strobe_rpc_executions_total\{place="(\w+)"\} (\d+)$/gm)];
  return Object.fromEntries(counts.map(([, place, count]) => [place, Number(count)]));
};

describe('long executions', () => {
  it('keep no send, read or subscriber waiting, and end at their limit', async () => {
    const kit = await serve((data) => openRpcThread(data), LONGEST_MS);
    const client = await kit.connect();
    const subscription = await client.subscribe('miniBlocks', { hashesOnly: true });
    const endless = { [CONTRACT]: { code: ENDLESS } };
    const long: [string, ...unknown[]][] = [
      ['eth_call', { to: CONTRACT }, 'latest', endless],
      ['eth_estimateGas', { to: CONTRACT }, 'latest', endless],
      ['eth_createAccessList', { to: CONTRACT }, 'latest', endless],
      ['debug_traceCall', { to: CONTRACT }, 'latest', { tracer: 'callTracer', timeout: '200ms', stateOverrides: endless }],
      ['eth_simulateV1', { blockStateCalls: [{ stateOverrides: endless, calls: [{ to: CONTRACT }] }] }, 'latest'],
    ];
    for (const [id, ...params] of long) client.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method: id, params }));
    const answers = (): string[] =>
      client.messages
        .filter(({ id }) => typeof id === 'string')
        .map(({ id, error }) => `${id}: ${error?.code} ${error?.message}`);
    // Behind them on their connection, and once more: then they have been received, and begun.
    for (let turn = 0; turn < 2; turn++) await client.call('eth_chainId');
    const built = kit.builder.miniBlock([kit.builder.transfer(1)]);
    const { raw, hash } = defined(built.decoded[0]);
    expect((await client.call('eth_sendRawTransaction', toHex(raw))).result).toBe(toHex(hash));
    await kit.apply(built);
    await client.nextPushes(subscription, 1);
    expect((await client.call('eth_blockNumber')).result).toBe('0x2');
    expect((await client.call('eth_call', { to: CONTRACT }, 'latest')).result).toBe('0x');
    expect(answers()).toEqual([]);

    await client.until(() => (answers().length === long.length ? true : undefined));
    const aborted = '-32000 execution aborted (timeout = 0.2s)';
    expect(answers().sort()).toEqual([
      'debug_traceCall: -32000 execution timeout',
      `eth_call: ${aborted}`,
      `eth_createAccessList: ${aborted}`,
      `eth_estimateGas: ${aborted}`,
      `eth_simulateV1: ${aborted}`,
    ]);
    expect(await placesOf(kit)).toEqual({ here: 1, vain: 3, executor: 5 });
  });

  it('see the state that they would see in the thread of JSON-RPC', async () => {
    const kit = await serve(onThisThread, 60_000);
    const { address } = defined(kit.builder.accounts[1]);
    const params = (block: Hex | 'latest') => [
      { to: CONTRACT, data: `0x${'00'.repeat(12)}${toHex(address).slice(2)}` },
      block,
      { [CONTRACT]: { code: SLOW_FACTS } },
    ];
    const facts = async (block: Hex | 'latest') => {
      const words: string = await kit.ask('eth_call', ...params(block));
      const [balance, hash, number] = [0, 1, 2].map((at) => words.slice(2 + at * 64, 66 + at * 64));
      return { balance: BigInt(`0x${balance}`), hash: `0x${hash}`, number: Number(`0x${number}`) };
    };
    const { builder } = kit;
    for (const [block, number, parent] of [
      ['0x1', 1, builder.genesisHash],
      ['0x2', 2, builder.blockAt(1).hash],
      ['latest', 3, builder.blockAt(2).hash],
    ] as const) {
      const balance = BigInt(await kit.ask('eth_getBalance', toHex(address), block));
      expect(await facts(block)).toEqual({ balance, number, hash: toHex(parent) });
    }
    expect(await placesOf(kit)).toEqual({ vain: 3, executor: 3 });
    expect(BigInt(await kit.ask('eth_estimateGas', ...params('0x1')))).toBeGreaterThan(1_000_000n);
    // Those of block 1 stay, those above it are undone.
    await kit.chainState.rollback(1);
    expect((await facts('0x1')).number).toBe(1);
    expect((await facts('latest')).balance).toBe((await facts('0x1')).balance);
  });
});
