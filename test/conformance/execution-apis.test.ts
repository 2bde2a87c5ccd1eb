import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RpcServer } from '../../src/rpc/server.ts';
import { createImportedBackend, createImportedServer } from '../support/execution-apis/execution-apis-node.ts';
import { importChain } from '../support/execution-apis/import-chain.ts';
import { comparable, type IoCase, type JsonRpcAnswer, readIoCases } from '../support/execution-apis/io-case.ts';
import { fixturePath } from '../support/fixtures.ts';
import { OpenRpcResults } from '../support/openrpc.ts';

const folder = fixturePath('execution-apis');

/** The schema wants of a failed call the message "vm execution error…", the expected answer says "out of gas". */
const FAILED_CALL = 'message of error -32015';

/** Upstream, the expected answer itself does not fit the document's schema: the whole answer is compared, the schema is not. */
const CONTRADICTIONS: ReadonlyMap<string, string> = new Map([
  ['eth_simulateV1/ethSimulate-run-out-of-gas-in-block-38015.io', FAILED_CALL],
  ['eth_simulateV1/ethSimulate-use-as-many-features-as-possible.io', FAILED_CALL],
]);

/** Beginnings of the names of cases whose methods are not there yet. */
const MISSING: readonly string[] = [
  'debug_trace',
  'eth_estimateGas/estimate-with-eip4844.io',
  'eth_simulateV1/',
  'testing_buildBlockV1/',
];

function isMissing({ name }: IoCase): boolean {
  return MISSING.some((start) => name.startsWith(start));
}

describe.skipIf(folder === undefined)('official execution-apis cases', () => {
  if (folder === undefined) return;
  const cases = readIoCases(join(folder, 'tests'));
  const schemas = new OpenRpcResults(join(folder, 'openrpc.json'));
  let server: RpcServer;
  let url: string;

  beforeAll(async () => {
    const chain = await importChain(join(folder, 'tests'));
    server = createImportedServer(await createImportedBackend(chain));
    const { port } = await server.start();
    url = `http://127.0.0.1:${port}`;
  });

  afterAll(() => server.stop());

  async function ask(request: string): Promise<JsonRpcAnswer> {
    const response = await fetch(url, { method: 'POST', body: request, headers: { 'content-type': 'application/json' } });
    return (await response.json()) as JsonRpcAnswer;
  }

  for (const ioCase of cases) {
    const run = async (): Promise<void> => {
      for (const { request, expected } of ioCase.roundTrips) {
        const answer = await ask(request);
        if (!ioCase.specOnly) expect(comparable(answer)).toEqual(comparable(expected));
        expect(Object.hasOwn(answer, 'result'), JSON.stringify(answer).slice(0, 400)).toBe(Object.hasOwn(expected, 'result'));
        if (answer.error !== undefined || CONTRADICTIONS.has(ioCase.name)) continue;
        const { method } = JSON.parse(request) as { method: string };
        expect(schemas.errors(method, answer.result)).toEqual([]);
      }
    };
    // A case that passes before its time fails here, so the list can only shrink.
    if (isMissing(ioCase)) test.fails(ioCase.name, run);
    else test(ioCase.name, run);
  }

  test('the expected answers contradict the schemas where it is said, and nowhere else', () => {
    const contradicting = cases.filter(({ roundTrips }) =>
      roundTrips.some(({ request, expected }) => {
        const { method } = JSON.parse(request) as { method: string };
        return expected.error === undefined && schemas.errors(method, expected.result).length > 0;
      }),
    );
    expect(contradicting.map(({ name }) => name)).toEqual([...CONTRADICTIONS.keys()]);
  });
});
