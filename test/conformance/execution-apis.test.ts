import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RpcBackend } from '../../src/protocol/ports/chain.ts';
import { METHODS } from '../../src/rpc/method-table.ts';
import type { RpcServer } from '../../src/rpc/server.ts';
import { type ImportedChain, importChain } from '../support/execution-apis/import-chain.ts';
import { createImportedServer, executedNode, replicaNode } from '../support/execution-apis/imported-nodes.ts';
import { comparable, type IoCase, type JsonRpcAnswer, readIoCases } from '../support/execution-apis/io-case.ts';
import { fixturePath } from '../support/fixtures.ts';
import { OpenRpcResults } from '../support/openrpc.ts';

/** Beginnings of the names of cases, with a reason. */
type CaseList = ReadonlyMap<string, string>;

/** Cases whose methods are not there yet. One that passes before its time fails the test, so the list can only shrink. */
const MISSING: CaseList = new Map([]);

/** Cases that no node of Strobe is to pass. */
const NOT_OURS: CaseList = new Map([
  [
    'testing_buildBlockV1/',
    'builds a block with a payload of the beacon chain on any parent: for test nodes of Ethereum; blocks here come from the sequencer',
  ],
]);

/** Cases that a replica is not to pass; the other node's pool is a test's, which takes whatever is signed. */
const NOT_ON_A_REPLICA: CaseList = new Map([
  ['eth_sendRawTransaction/send-blob-tx.io', 'a replica decodes before it forwards, and Strobe takes no blobs'],
]);

/** The schema wants of a failed call the message "vm execution error…", the expected answer says "out of gas". */
const FAILED_CALL = 'message and status of error -32015';

/** Upstream, the expected answer itself does not fit the document's schema: the whole answer is compared, the schema is not. */
const CONTRADICTIONS: CaseList = new Map([
  ['eth_simulateV1/ethSimulate-run-out-of-gas-in-block-38015.io', FAILED_CALL],
  ['eth_simulateV1/ethSimulate-use-as-many-features-as-possible.io', FAILED_CALL],
]);

/** Methods of the document, or their beginnings, that are neither served nor missing. */
const OTHER_METHODS: CaseList = new Map([
  ['engine_', 'for the consensus client of a beacon chain'],
  ['testing_', 'for test nodes of Ethereum'],
  ['eth_sign', 'the node holds no keys of users'],
  ['eth_sendTransaction', 'the node holds no keys of users'],
  ['eth_fillTransaction', 'for the two above'],
  ['eth_getBlockAccessList', 'EIP-7928 comes after Prague'],
  ['debug_getRawBlockAccessList', 'EIP-7928 comes after Prague'],
  ['debug_getBadBlocks', 'a bad block is evidence here: strobe_equivocations'],
]);

const folder = fixturePath('execution-apis');

describe.skipIf(folder === undefined)('official execution-apis cases', () => {
  if (folder === undefined) return;
  const cases = readIoCases(join(folder, 'tests'));
  const schemas = new OpenRpcResults(join(folder, 'openrpc.json'));
  const chain = { imported: undefined as Promise<ImportedChain> | undefined };

  /** Answers whole and by their schema. */
  async function check({ name, specOnly, roundTrips }: IoCase, url: string): Promise<void> {
    for (const { request, expected } of roundTrips) {
      const answer = await ask(url, request);
      if (!specOnly) expect(comparable(answer)).toEqual(comparable(expected));
      expect(Object.hasOwn(answer, 'result'), JSON.stringify(answer).slice(0, 400)).toBe(Object.hasOwn(expected, 'result'));
      if (answer.error !== undefined || CONTRADICTIONS.has(name)) continue;
      expect(schemas.errors(methodOf(request), answer.result)).toEqual([]);
    }
  }

  describe.each<[string, (chain: ImportedChain) => Promise<RpcBackend>, CaseList]>([
    ['on a node that executed the chain', executedNode, new Map()],
    ['on a replica that was sent the chain as diffs', replicaNode, NOT_ON_A_REPLICA],
  ])('%s', (_, createNode, notHere) => {
    let server: RpcServer;
    let url: string;

    beforeAll(async () => {
      chain.imported ??= importChain(join(folder, 'tests'));
      server = createImportedServer(await createNode(await chain.imported));
      const { port } = await server.start();
      url = `http://127.0.0.1:${port}`;
    });

    afterAll(() => server.stop());

    for (const ioCase of cases) {
      const excuse = reasonFor(ioCase, NOT_OURS) ?? reasonFor(ioCase, notHere) ?? reasonFor(ioCase, MISSING);
      if (excuse === undefined) test(ioCase.name, () => check(ioCase, url));
      else test.fails(`${ioCase.name}: ${excuse}`, () => check(ioCase, url));
    }
  });

  test('every excuse is for a case that there is', () => {
    for (const list of [MISSING, NOT_OURS, NOT_ON_A_REPLICA, CONTRADICTIONS]) {
      for (const start of list.keys()) expect(cases.filter(({ name }) => name.startsWith(start))).not.toEqual([]);
    }
  });

  test('every method of the document is served, or is on a list with a reason', () => {
    const served = METHODS.map(({ name }) => name);
    const unexplained = schemas.methods
      .filter((name) => !served.includes(name))
      .filter((name) => [...OTHER_METHODS.keys(), ...MISSING.keys()].every((start) => !`${name}/`.startsWith(start)));
    expect(unexplained).toEqual([]);
  });

  test('the expected answers contradict the schemas where it is said, and nowhere else', () => {
    const contradicting = cases.filter(({ roundTrips }) =>
      roundTrips.some(
        ({ request, expected }) => expected.error === undefined && schemas.errors(methodOf(request), expected.result).length > 0,
      ),
    );
    expect(contradicting.map(({ name }) => name)).toEqual([...CONTRADICTIONS.keys()]);
  });
});

async function ask(url: string, request: string): Promise<JsonRpcAnswer> {
  const response = await fetch(url, { method: 'POST', body: request, headers: { 'content-type': 'application/json' } });
  return (await response.json()) as JsonRpcAnswer;
}

function methodOf(request: string): string {
  return (JSON.parse(request) as { readonly method: string }).method;
}

function reasonFor({ name }: IoCase, list: CaseList): string | undefined {
  for (const [start, reason] of list) if (name.startsWith(start)) return reason;
  return undefined;
}
