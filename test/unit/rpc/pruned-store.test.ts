import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { createLogger } from '../../../src/observability/logger.ts';
import { createRpcServer } from '../../../src/rpc/server.ts';
import { ChainDatabase } from '../../../src/store/chain-database.ts';
import { openLevel } from '../../../src/store/level-database.ts';
import { type Hex, toHex } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, openTestStore } from '../../support/chain-store-kit.ts';
import { defined } from '../../support/defined.ts';
import { BASE_FEE_FLOOR_WEI, FakeChain } from '../../support/fake-backend.ts';
import { rpc } from '../../support/json-rpc.ts';
import { tempDirectory } from '../../support/temp-directory.ts';
import { testLog } from '../../support/test-accounts.ts';

const OLDEST = 3;
const BLOCKS = 5;

/** JSON-RPC over a real store of blocks with one log each, opened anew after its oldest blocks were pruned. */
async function servePrunedStore() {
  const builder = new ChainBuilder();
  const { address } = defined(builder.accounts[0]);
  for (let number = 1; number <= BLOCKS; number++) {
    builder.miniBlock([{ ...builder.transfer(number), logs: [testLog(address, number)] }]);
    builder.seal();
  }
  const directory = join(tempDirectory(), 'chain');
  const filled = await openTestStore(builder, { directory });
  await addBlocks(filled, builder.blocks);
  expect(await filled.oldestBlock()).toBe(1);
  await filled.close();
  const level = await openLevel(directory);
  const database = new ChainDatabase(level);
  await database.write((batch) => database.blocks.putOldest(batch, OLDEST));
  await level.close();

  const store = await openTestStore(builder, { directory });
  const backend = { ...new FakeChain().backend, chain: store };
  const options = { host: '127.0.0.1', port: 0, baseFeeFloorWei: BASE_FEE_FLOOR_WEI };
  const server = createRpcServer(options, { backend, logger: createLogger({ level: 'silent', format: 'json' }) });
  const { port } = await server.start();
  onTestFinished(async () => {
    await server.stop();
    await store.close();
  });
  return { builder, ask: (method: string, ...params: unknown[]) => rpc(`http://127.0.0.1:${port}`, method, params) };
}

test('clients of a store with pruned blocks are told so', async () => {
  const { builder, ask } = await servePrunedStore();
  const pruned = { meta: { code: 4444 }, message: expect.stringMatching('pruned history unavailable') };
  for (const block of ['0x1', '0x2']) {
    await expect(ask('eth_getBlockByNumber', block, false)).rejects.toMatchObject(pruned);
    await expect(ask('eth_getBlockReceipts', block)).rejects.toMatchObject(pruned);
    await expect(ask('eth_feeHistory', 1, block)).rejects.toMatchObject(pruned);
    await expect(ask('eth_getLogs', { fromBlock: block, toBlock: 'latest' })).rejects.toMatchObject(pruned);
  }
  expect(await ask('eth_getBlockByNumber', '0x0', false)).toMatchObject({ hash: toHex(builder.genesisHash) });
  expect(await ask('eth_getBlockByNumber', 'earliest', false)).toMatchObject({ hash: toHex(builder.blockAt(OLDEST).hash) });
  expect(await ask('eth_getBlockByHash', toHex(builder.blockAt(1).hash), false)).toBeNull();
  expect(await ask('eth_feeHistory', 10, 'latest')).toMatchObject({ oldestBlock: '0x3' });
  const logs = (await ask('eth_getLogs', { fromBlock: 'earliest' })) as { blockNumber: Hex }[];
  expect(logs.map(({ blockNumber }) => Number(blockNumber))).toEqual([3, 4, 5]);
  expect(await ask('strobe_nodeInfo')).toMatchObject({ oldestBlock: '0x3' });
});
