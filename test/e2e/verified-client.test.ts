import { readFileSync } from 'node:fs';
import {
  createPublicClient,
  createWalletClient,
  custom,
  encodeAbiParameters,
  http,
  keccak256,
  numberToHex,
  type PublicClient,
  parseAbiParameters,
  type WalletClient,
  zeroHash,
} from 'viem';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { encodeRlp, fromNumber } from '../../src/protocol/rlp.ts';
import { bigIntToBytes, fromHex, type Hex } from '../../src/util/bytes.ts';
import { type VerifiedTransportOptions, verifiedTransport } from '../../src/verified/verified-transport.ts';
import { defined } from '../support/defined.ts';
import { rpc } from '../support/json-rpc.ts';
import { TOKEN } from '../support/mixed-load.ts';
import { provenBy } from '../support/proven-state.ts';
import { TestDevnet } from '../support/test-devnet.ts';
import { findChromium, type PageTask, runVerifiedPage } from '../support/verified-page.ts';

const SUPPLY = 1_000n;

type RpcBlock = Readonly<Record<string, unknown>> & { readonly transactions: readonly Readonly<Record<string, unknown>>[] };

let devnet: TestDevnet;
let wallet: WalletClient;
let owner: Hex;
let options: VerifiedTransportOptions;
let client: PublicClient;
let token: Hex;
let creation: Hex;
/** Where the token has the owner's balance: OpenZeppelin's mapping is in slot 0. */
let slot: Hex;
let genesisHash: Hex;

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1, provers: 2, trie: true });
  await devnet.startAll();
  const account = devnet.account(0);
  owner = account.address;
  wallet = createWalletClient({ account, transport: http(devnet.rpcUrl('sequencer')) });
  genesisHash = (await rpc<{ genesisHash: Hex }>(devnet.rpcUrl('sequencer'), 'strobe_nodeInfo')).genesisHash;
  options = trusted();
  client = createPublicClient({ transport: verifiedTransport(http(devnet.rpcUrl('replica-1')), options), pollingInterval: 50 });
  creation = await wallet.deployContract({ ...TOKEN, account, chain: null, args: ['Test Token', 'TEST', SUPPLY, owner] });
  slot = keccak256(encodeAbiParameters(parseAbiParameters('address, uint256'), [owner, 0n]));
  // The verified client sees it when provers have attested its block.
  token = defined((await client.waitForTransactionReceipt({ hash: creation })).contractAddress ?? undefined);
});
afterAll(() => devnet[Symbol.asyncDispose]());

/** What a user takes from the genesis file; the devnet's own word for its hash stands in for that of whom the user trusts. */
function trusted(): VerifiedTransportOptions {
  const { strobe } = JSON.parse(readFileSync(devnet.paths.genesis, 'utf8')) as { strobe: { provers: Hex[]; threshold: number } };
  return { genesisHash, chainId: devnet.chainId, ...strobe };
}

// Before the replica is started again: it keeps old states from its start on.
describe('eth_simulateV1', () => {
  test.each(['sequencer', 'replica-1'])('of %s comes to the roots that the chain came to', async (name) => {
    const reader = createPublicClient({ transport: http(devnet.rpcUrl(name)) });
    const { blockNumber } = await reader.getTransactionReceipt({ hash: creation });
    const block = await rpc<RpcBlock>(devnet.rpcUrl(name), 'eth_getBlockByNumber', [numberToHex(blockNumber), true]);
    const { timestamp, baseFeePerGas, mixHash, stateRoot, receiptsRoot, logsBloom, gasUsed, parentHash } = block;
    const calls = block.transactions.map(({ from, to, nonce, gas, input, value, maxFeePerGas, maxPriorityFeePerGas }) => {
      return { from, to, nonce, gas, input, value, maxFeePerGas, maxPriorityFeePerGas };
    });
    const blockOverrides = { time: timestamp, baseFeePerGas, prevRandao: mixHash };
    const payload = { blockStateCalls: [{ blockOverrides, calls }], validation: true };
    const simulated = await rpc(devnet.rpcUrl(name), 'eth_simulateV1', [payload, numberToHex(blockNumber - 1n)]);
    // All but the hashes of transactions, which nobody signed here.
    expect(simulated).toMatchObject([{ stateRoot, receiptsRoot, logsBloom, gasUsed, parentHash }]);
  });

  test('has a state root at latest, through viem', async () => {
    const simulated = await createPublicClient({ transport: http(devnet.rpcUrl('replica-1')) }).simulateBlocks({
      blocks: [{ calls: [{ account: owner, to: token, data: '0x18160ddd' }] }],
      traceTransfers: true,
    });
    const [block] = simulated;
    expect(block?.stateRoot).not.toBe(zeroHash);
    expect(block?.calls).toMatchObject([{ status: 'success', data: `0x${SUPPLY.toString(16).padStart(64, '0')}` }]);
  });
});

describe('eth_getProof', () => {
  test.each(['sequencer', 'replica-1'])('of %s is what viem reads and ethereumjs verifies', async (name) => {
    const reader = createPublicClient({ transport: http(devnet.rpcUrl(name)) });
    for (const blockTag of ['latest', 'safe'] as const) {
      // The block moves on between two requests: both are about one that is named.
      const { number, stateRoot } = await reader.getBlock({ blockTag });
      const proof = await reader.getProof({ address: token, storageKeys: [slot], blockNumber: number });
      const leaf = await provenBy(fromHex(stateRoot), fromHex(token), proof.accountProof.map(fromHex));
      const fields = [fromNumber(proof.nonce), fromNumber(proof.balance), fromHex(proof.storageHash), fromHex(proof.codeHash)];
      expect(leaf).toEqual(encodeRlp(fields));
      const [balance] = proof.storageProof;
      expect(balance?.value).toBe(SUPPLY);
      const stored = await provenBy(fromHex(proof.storageHash), fromHex(slot), defined(balance).proof.map(fromHex));
      expect(stored).toEqual(encodeRlp(bigIntToBytes(SUPPLY)));
    }
  });

  test('of the safe block is there when a replica has been started again', async () => {
    const url = devnet.rpcUrl('replica-1');
    await devnet.process('replica-1').crash();
    await devnet.start('replica-1');
    const proof = await rpc(url, 'eth_getProof', [token, [slot], 'safe']);
    expect(proof).toMatchObject({ balance: '0x0', storageProof: [{ value: `0x${SUPPLY.toString(16)}` }] });
  });
});

describe('a client that does not trust its node', () => {
  test('reads state, code and receipts of a running chain by proof', async () => {
    const reader = createPublicClient({ transport: http(devnet.rpcUrl('sequencer')) });
    const receipt = await client.getTransactionReceipt({ hash: creation });
    const plain = await reader.getTransactionReceipt({ hash: creation });
    expect(receipt).toMatchObject({ status: 'success', gasUsed: plain.gasUsed, blockHash: plain.blockHash, from: plain.from });
    expect(receipt.logs.map(({ topics }) => topics)).toEqual(plain.logs.map(({ topics }) => topics));
    expect(await client.getStorageAt({ address: token, slot })).toBe(`0x${SUPPLY.toString(16).padStart(64, '0')}`);
    expect(await client.getCode({ address: token })).toBe(await reader.getCode({ address: token }));
    const block = await client.getBlock();
    expect(block.stateRoot).toBe((await reader.getBlock({ blockHash: block.hash })).stateRoot);
    expect(await client.getBalance({ address: owner, blockNumber: block.number })).toBe(
      await reader.getBalance({ address: owner, blockNumber: block.number }),
    );
    expect(await client.getTransactionCount({ address: owner })).toBe(1);
  });

  test('finds a lie of a real node', async () => {
    const url = devnet.rpcUrl('replica-1');
    const liar = custom(
      {
        request: async ({ method, params }) => {
          const answer = await rpc<Record<string, unknown>>(url, method, params);
          return method === 'eth_getProof' ? { ...answer, balance: '0x1' } : answer;
        },
      },
      { retryCount: 0 },
    );
    const deceived = createPublicClient({ transport: verifiedTransport(liar, options) });
    await expect(deceived.getBalance({ address: owner })).rejects.toMatchObject({ code: 'VERIFICATION_FAILED' });
    const others = { ...options, genesisHash: `0x${'01'.repeat(32)}` as const };
    const elsewhere = createPublicClient({ transport: verifiedTransport(http(url), others) });
    await expect(elsewhere.getBalance({ address: owner })).rejects.toMatchObject({ code: 'NOT_ATTESTED' });
  });

  describe('in a web page', () => {
    const chromium = findChromium();

    beforeEach((context) => {
      if (chromium !== undefined) return;
      console.warn('the verified client is not tried in a browser: there is no chromium here');
      context.skip('there is no chromium here');
    });

    test('reads by proof, and finds a lie', async () => {
      const task: Omit<PageTask, 'origin'> = { options, address: owner, token, slot, hash: creation };
      const report = await runVerifiedPage(defined(chromium), task, devnet.rpcUrl('replica-1'));
      const receipt = await client.getTransactionReceipt({ hash: creation });
      expect(report).toEqual({
        balance: String(await client.getBalance({ address: owner })),
        nonce: 1,
        code: await client.getCode({ address: token }),
        slot: `0x${SUPPLY.toString(16).padStart(64, '0')}`,
        receipt: { status: 'success', gasUsed: String(receipt.gasUsed), logs: receipt.logs.length },
        lie: 'VERIFICATION_FAILED: account value',
      });
    });
  });
});
