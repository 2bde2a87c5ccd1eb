import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RpcServer } from '../../src/rpc/server.ts';
import { indexTrieRoot } from '../../src/state/index-trie.ts';
import { concatBytes, fromHex, type Hex, toHex } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { quantity } from '../../src/util/quantity.ts';
import { type ImportedChain, importChain } from '../support/execution-apis/import-chain.ts';
import { createImportedServer, executedNode } from '../support/execution-apis/imported-nodes.ts';
import { fixturePath } from '../support/fixtures.ts';
import { rpc } from '../support/json-rpc.ts';
import { OpenRpcResults } from '../support/openrpc.ts';

const folder = fixturePath('execution-apis');

interface BlockJson {
  readonly hash: Hex;
  readonly size: Hex;
  readonly receiptsRoot: Hex;
  readonly transactionsRoot: Hex;
  readonly uncles: readonly Hex[];
  readonly transactions: readonly { readonly hash: Hex }[];
}

/** What the official cases ask of a few blocks, of all of them: Homestead to BPO2, with ommers, withdrawals and blobs. */
describe.skipIf(folder === undefined)('every block of the official chain', () => {
  if (folder === undefined) return;
  const schemas = new OpenRpcResults(join(folder, 'openrpc.json'));
  let chain: ImportedChain;
  let server: RpcServer;
  let url: string;

  beforeAll(async () => {
    chain = await importChain(join(folder, 'tests'));
    server = createImportedServer(await executedNode(chain));
    url = `http://127.0.0.1:${(await server.start()).port}`;
  });
  afterAll(() => server.stop());

  const numbers = (): Hex[] => chain.blocks.map((_, number) => quantity(number));
  const blockAt = (number: Hex): Promise<BlockJson> => rpc<BlockJson>(url, 'eth_getBlockByNumber', [number, true]);

  test('is the bytes that the other client wrote', async () => {
    const raws = await Promise.all(numbers().map(async (number) => fromHex(await rpc(url, 'debug_getRawBlock', [number]))));
    const written = readFileSync(join(folder, 'tests', 'chain.rlp'));
    expect(concatBytes(...raws.slice(1))).toEqual(new Uint8Array(written));
    for (const [number, raw] of raws.entries()) {
      const { hash, size } = await blockAt(quantity(number));
      expect(BigInt(size)).toBe(BigInt(raw.length));
      const header = fromHex(await rpc(url, 'debug_getRawHeader', [quantity(number)]));
      expect(toHex(keccak256(header))).toBe(hash);
    }
  });

  test('has the receipts and transactions that its roots are made of', async () => {
    for (const number of numbers()) {
      const { receiptsRoot, transactionsRoot, transactions } = await blockAt(number);
      const receipts = await rpc<Hex[]>(url, 'debug_getRawReceipts', [number]);
      expect(toHex(indexTrieRoot(receipts.map(fromHex))), `receipts of ${number}`).toBe(receiptsRoot);
      const raws = await Promise.all(transactions.map(({ hash }) => rpc<Hex>(url, 'debug_getRawTransaction', [hash])));
      expect(toHex(indexTrieRoot(raws.map(fromHex))), `transactions of ${number}`).toBe(transactionsRoot);
    }
  });

  test('and its transactions and receipts are what the document says', async () => {
    for (const number of numbers()) {
      const receipts = await rpc(url, 'eth_getBlockReceipts', [number]);
      expect(schemas.errors('eth_getBlockReceipts', receipts), number).toEqual([]);
      expect(schemas.errors('eth_getBlockByNumber', await blockAt(number)), number).toEqual([]);
    }
  });

  test('has its ommers', async () => {
    let ommers = 0;
    for (const number of numbers()) {
      const { uncles } = await blockAt(number);
      expect(Number(await rpc(url, 'eth_getUncleCountByBlockNumber', [number]))).toBe(uncles.length);
      const found = uncles.map((_, at) => rpc<BlockJson>(url, 'eth_getUncleByBlockNumberAndIndex', [number, quantity(at)]));
      expect((await Promise.all(found)).map(({ hash }) => hash)).toEqual(uncles);
      ommers += uncles.length;
    }
    expect(ommers).toBeGreaterThan(10);
  });
});
