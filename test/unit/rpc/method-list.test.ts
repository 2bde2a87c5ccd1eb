import { describe, expect, it, test } from 'vitest';
import { METHODS } from '../../../src/rpc/method-table.ts';

const served = METHODS.map(({ name }) => name);

/** What the contract of JSON-RPC promises, by namespace. */
const PROMISED: Readonly<Record<string, string>> = {
  web3: 'clientVersion sha3',
  net: 'version listening peerCount',
  eth: `chainId syncing accounts coinbase gasPrice maxPriorityFeePerGas feeHistory blobBaseFee baseFee blockNumber
    getBalance getCode getStorageAt getStorageValues getTransactionCount getProof call estimateGas createAccessList simulateV1
    sendRawTransaction sendRawTransactionSync getBlockByHash getBlockByNumber
    getBlockTransactionCountByHash getBlockTransactionCountByNumber
    getUncleCountByBlockHash getUncleCountByBlockNumber getUncleByBlockHashAndIndex getUncleByBlockNumberAndIndex
    getBlockReceipts getTransactionByHash getTransactionByBlockHashAndIndex getTransactionByBlockNumberAndIndex
    getTransactionReceipt getLogs getLogsWithCursor newFilter newBlockFilter newPendingTransactionFilter
    getFilterChanges getFilterLogs uninstallFilter subscribe unsubscribe config capabilities callAfter`,
  txpool: 'status content contentFrom inspect',
  debug: `traceTransaction traceCall traceBlockByNumber traceBlockByHash
    getRawBlock getRawHeader getRawReceipts getRawTransaction executionWitness`,
  realtime: 'sendRawTransaction',
  strobe: 'nodeInfo miniBlock blockStatus attestations equivocations resources',
};

/** Promised and not there yet, with what each waits for. */
const MISSING: ReadonlyMap<string, string> = new Map();

const promised = Object.entries(PROMISED).flatMap(([space, names]) => names.split(/\s+/).map((name) => `${space}_${name}`));

describe('every method of the contract', () => {
  it.each(promised)('%s is served, or listed with a reason', (name) => {
    expect(served.includes(name)).toBe(!MISSING.has(name));
  });
});

test('the list of what is missing names nothing else, and no method is served under two entries', () => {
  expect([...MISSING.keys()].filter((name) => !promised.includes(name))).toEqual([]);
  expect(new Set(served).size).toBe(served.length);
});
