import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RpcServer } from '../../src/rpc/server.ts';
import { type ImportedChain, importChain } from '../support/execution-apis/import-chain.ts';
import { createImportedServer, replicaNode } from '../support/execution-apis/imported-nodes.ts';
import { readIoCases } from '../support/execution-apis/io-case.ts';
import { fixturePath } from '../support/fixtures.ts';
import { type RpcReceiptJson, rpc } from '../support/json-rpc.ts';
import type { Trace } from '../support/trace-harness.ts';

/** From here on a transaction costs the same under Prague's rules, by which Strobe traces, as it did in its block. */
const FIRST_FORK = 'shanghai';

const folder = fixturePath('execution-apis');

describe.skipIf(folder === undefined)('traces on a replica that was sent the chain of another client as diffs', () => {
  if (folder === undefined) return;
  let chain: ImportedChain;
  let server: RpcServer;
  let url: string;

  beforeAll(async () => {
    chain = await importChain(join(folder, 'tests'));
    server = createImportedServer(await replicaNode(chain));
    const { port } = await server.start();
    url = `http://127.0.0.1:${port}`;
  });

  afterAll(() => server.stop());

  test('say what the receipts of that client say: gas, status and logs', async () => {
    const first = chain.blocks.findIndex(({ header }) => chain.hardforkAt(header) === FIRST_FORK);
    let transactions = 0;
    for (let number = first; number < chain.blocks.length; number++) {
      const block = `0x${number.toString(16)}`;
      const config = { tracer: 'callTracer', tracerConfig: { withLog: true } };
      const traces = await rpc<Trace[]>(url, 'debug_traceBlockByNumber', [block, config]);
      const receipts = await rpc<RpcReceiptJson[]>(url, 'eth_getBlockReceipts', [block]);
      const traced = traces.map(({ txHash, result }) => [txHash, result.gasUsed, result.error === undefined, logsOf(result)]);
      const received = receipts.map(({ transactionHash, gasUsed, status, logs }) => [
        ...[transactionHash, gasUsed, status === '0x1'],
        (logs as Trace[]).map(({ address, topics, data, logIndex }) => ({ address, topics, data, index: logIndex })),
      ]);
      expect(traced).toEqual(received);
      transactions += traces.length;
    }
    expect(transactions).toBeGreaterThan(50);
  });

  test('of its first block are step by step those of geth, but for the gas of another fork', async () => {
    const ofBlock = '"params":["0x1"';
    const cases = readIoCases(join(folder, 'tests')).flatMap(({ roundTrips }) => roundTrips);
    const ofFirst = cases.filter(({ request }) => request.includes('debug_traceBlockByNumber') && request.includes(ofBlock));
    expect(ofFirst.length).toBeGreaterThan(3);
    for (const { request, expected } of ofFirst) {
      const { method, params } = JSON.parse(request);
      const traces = await rpc<Trace[]>(url, method, params);
      expect(traces.map(withoutGas)).toEqual((expected.result as Trace[]).map(withoutGas));
    }
  });
});

/** Logs of a call and of those it made, in the order of the receipt. */
function logsOf(frame: Trace): Trace[] {
  const own = (each: Trace): Trace[] => [...(each.logs ?? []), ...(each.calls ?? []).flatMap(own)];
  const logs = own(frame).map(({ address, topics, data, index }) => ({ address, topics, data, index }));
  return logs.sort((a, b) => Number(a.index) - Number(b.index));
}

/** What was there to be paid from depends on the price of a creation; the price of each step does not. */
function withoutGas({ txHash, result: { gas: _, structLogs, ...result } }: Trace) {
  return { txHash, ...result, structLogs: structLogs.map(({ gas: __, ...step }: Trace) => step) };
}
