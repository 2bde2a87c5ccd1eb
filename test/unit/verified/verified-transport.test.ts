import { createPublicClient, custom, type Hex, type PublicClient } from 'viem';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { attestationDigest, type UnsignedAttestation } from '../../../src/protocol/attestation.ts';
import { BEACON_ROOTS_CONTRACT, HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import { fromHex, toHex } from '../../../src/util/bytes.ts';
import { type VerifiedTransportOptions, verifiedTransport } from '../../../src/verified/verified-transport.ts';
import { defined } from '../../support/defined.ts';
import type { FixtureBlock } from '../../support/replica-fixture.ts';
import { testSigner } from '../../support/test-accounts.ts';
import { VerifiedChain } from '../../support/verified-chain.ts';

let node: VerifiedChain;
/** Attested, with transfers, a contract creation and logs. */
let safe: FixtureBlock;
let client: PublicClient;
let hashes: Hex[];

beforeEach(async () => {
  node = await new VerifiedChain().start();
  const { fixture } = node;
  const { builder } = fixture;
  const [alice, bob] = builder.accounts;
  const log = { address: HISTORY_CONTRACT, topics: [new Uint8Array(32).fill(7)], data: new Uint8Array(5) };
  const { decoded } = fixture.include([
    { from: defined(alice), to: defined(bob).address, value: 5n, logs: [log], gasUsed: 30_000n },
    { from: defined(bob), to: null, value: 0n, gasUsed: 60_000n },
    { from: defined(alice), to: defined(bob).address, value: 6n, logs: [log, log] },
  ]);
  hashes = decoded.map(({ hash }) => toHex(hash));
  safe = fixture.seal();
  await node.publishSafe(safe);
  client = connect();
});
afterEach(() => node.stop());

function connect(changes: Partial<VerifiedTransportOptions> = {}): PublicClient {
  const inner = custom(node.provider, { retryCount: 0 });
  return createPublicClient({ transport: verifiedTransport(inner, { ...node.options, ...changes }), cacheTime: 0 });
}

const history = toHex(HISTORY_CONTRACT);
const alice = (): Hex => toHex(defined(node.fixture.builder.accounts[0]).address);
const truth = () => defined(node.fixture.builder.state.at(safe.seal.lastNumber));
const slotOf = (number: number): Hex => `0x${number.toString(16)}`;

describe('a truthful node', () => {
  test('gives balances, nonces, slots, codes and proofs, of what exists and what does not', async () => {
    const account = defined(truth().getAccount(fromHex(alice())));
    expect(await client.getBalance({ address: alice() })).toBe(account.balance);
    expect(await client.getTransactionCount({ address: alice() })).toBe(Number(account.nonce));
    expect(await client.getCode({ address: alice() })).toBeUndefined();
    const { codeHash } = defined(truth().getAccount(HISTORY_CONTRACT));
    expect(await client.getCode({ address: history })).toBe(toHex(defined(truth().getCode(codeHash))));
    expect(await client.getStorageAt({ address: history, slot: '0x0' })).toBe(toHex(node.fixture.identity.genesisHash));
    expect(await client.getStorageAt({ address: history, slot: slotOf(99) })).toBe(`0x${'00'.repeat(32)}`);
    const stranger = `0x${'5e'.repeat(20)}` as const;
    expect(await client.getBalance({ address: stranger })).toBe(0n);
    expect(await client.getTransactionCount({ address: stranger })).toBe(0);
    expect(await client.getStorageAt({ address: stranger, slot: '0x1' })).toBe(`0x${'00'.repeat(32)}`);
    const proof = await client.getProof({ address: history, storageKeys: [`0x${'00'.repeat(32)}`] });
    expect(proof).toMatchObject({
      codeHash: toHex(codeHash),
      storageProof: [{ value: BigInt(toHex(node.fixture.identity.genesisHash)) }],
    });
  });

  test('gives receipts and transactions as the node itself does, but for log indexes that nothing proves', async () => {
    for (const [index, hash] of hashes.entries()) {
      const expected = (await node.provider.request({ method: 'eth_getTransactionReceipt', params: [hash] })) as {
        logs: object[];
      };
      const proven = await client.request({ method: 'eth_getTransactionReceipt', params: [hash] });
      const logs = expected.logs.map((log) => (index === 0 ? log : { ...log, logIndex: null }));
      expect(proven).toEqual({ ...expected, logs });
      const transaction = await node.provider.request({ method: 'eth_getTransactionByHash', params: [hash] });
      expect(await client.request({ method: 'eth_getTransactionByHash', params: [hash] })).toEqual(transaction);
    }
    expect((await client.getTransactionReceipt({ hash: defined(hashes[1]) })).contractAddress).toMatch(/^0x/);
    const unknown = client.getTransactionReceipt({ hash: `0x${'ab'.repeat(32)}` });
    await expect(unknown).rejects.toThrow('could not be found');
  });

  test('gives headers, and answers block number and chain id by what is attested and configured', async () => {
    const {
      transactions: _,
      size: __,
      ...expected
    } = (await node.provider.request({
      method: 'eth_getBlockByNumber',
      params: ['safe', false],
    })) as Record<string, unknown>;
    for (const block of ['latest', 'safe', '0x1']) {
      expect(await client.request({ method: 'eth_getBlockByNumber', params: [block as 'latest', false] })).toEqual(expected);
    }
    expect(await client.request({ method: 'eth_getBlockByHash', params: [toHex(safe.hash), false] })).toEqual(expected);
    expect(await client.getBlockNumber()).toBe(1n);
    node.asked.length = 0;
    expect(await client.getChainId()).toBe(node.options.chainId);
    expect(node.asked).toEqual([]);
    // Genesis is known without anyone attesting it.
    expect((await client.getBlock({ blockTag: 'earliest' })).hash).toBe(node.options.genesisHash);
  });

  test('latest is the newest attested block, and others must be attested, too', async () => {
    const before = await client.getBalance({ address: alice() });
    const open = node.fixture.block(1, 3);
    await node.publish(open);
    expect(await client.getBlockNumber()).toBe(1n);
    expect(await client.getBalance({ address: alice() })).toBe(before);
    await expect(client.getBalance({ address: alice(), blockNumber: 2n })).rejects.toMatchObject({
      code: 'NOT_ATTESTED',
      meta: { counted: 0, threshold: 2 },
    });
    await expect(client.getBalance({ address: alice(), blockNumber: 9n })).rejects.toMatchObject({ code: 'NOT_ATTESTED' });
    const receipt = { hash: toHex(defined(node.fixture.builder.blocks[1]?.miniBlocks[0]?.decoded[0]).hash) };
    await expect(client.getTransactionReceipt(receipt)).rejects.toThrow('could not be found');
    node.fixture.attest(open);
    node.replica.deliverAll();
    await node.replica.safeIs(2);
    expect((await client.getTransactionReceipt(receipt)).blockNumber).toBe(2n);
    expect(await client.getBlockNumber()).toBe(2n);
    expect(await client.getBalance({ address: alice() })).not.toBe(before);
    expect(await client.getBalance({ address: alice(), blockNumber: 1n })).toBe(before);
  });

  test('asks for the head once while its knowledge is fresh', async () => {
    const patient = connect({ refreshMs: 60_000 });
    node.asked.length = 0;
    await Promise.all([patient.getBalance({ address: alice() }), patient.getTransactionCount({ address: alice() })]);
    await patient.getBlockNumber();
    expect(node.asked.filter((method) => method !== 'eth_getProof')).toEqual(['eth_getBlockByNumber', 'strobe_attestations']);
  });

  test('is asked nothing that it could answer falsely, unless that is allowed', async () => {
    const refusals = [
      client.getGasPrice(),
      client.getLogs(),
      client.getTransactionCount({ address: alice(), blockTag: 'pending' }),
      client.getBlock({ blockTag: 'pending' }),
      client.getBlock({ includeTransactions: true }),
    ];
    for (const refused of refusals) await expect(refused).rejects.toMatchObject({ code: 'NOT_VERIFIABLE' });
    const lax = connect({ passThrough: ['eth_getTransactionCount'] });
    expect(await lax.getTransactionCount({ address: alice(), blockTag: 'pending' })).toBe(77);
    await expect(lax.getGasPrice()).rejects.toMatchObject({ code: 'NOT_VERIFIABLE' });
    expect(await connect({ passThrough: true }).getGasPrice()).toBeGreaterThan(0n);
  });

  test('believes the hash of what was sent only when it is that', async () => {
    const raw = toHex(defined(node.fixture.builder.blocks[0]?.miniBlocks[0]?.decoded[0]).raw);
    const sent = client.request({ method: 'eth_sendRawTransaction', params: [raw] });
    await expect(sent).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', meta: { check: 'transaction hash' } });
    node.lie = (_, answer) => (answer === `0x${'09'.repeat(32)}` ? hashes[0] : answer);
    expect(await client.request({ method: 'eth_sendRawTransaction', params: [raw] })).toBe(hashes[0]);
  });
});

const failsWith = (promise: Promise<unknown>, check: string) =>
  expect(promise).rejects.toMatchObject({ code: 'VERIFICATION_FAILED', meta: { check } });

describe('a node that lies about state', () => {
  const reads: [string, () => Promise<unknown>][] = [
    ['eth_getBalance', () => client.getBalance({ address: alice() })],
    ['eth_getTransactionCount', () => client.getTransactionCount({ address: alice() })],
    ['eth_getStorageAt', () => client.getStorageAt({ address: history, slot: '0x0' })],
    ['eth_getCode', () => client.getCode({ address: history })],
    ['eth_getProof', () => client.getProof({ address: history, storageKeys: [`0x${'00'.repeat(32)}`] })],
  ];

  test.each([
    ['balance', '0x1', 'account value'],
    ['nonce', '0x63', 'account value'],
    ['codeHash', `0x${'11'.repeat(32)}`, 'account value'],
    ['storageHash', `0x${'11'.repeat(32)}`, 'account value'],
    ['accountProof', [], 'account proof'],
    ['accountProof', ['0xc0'], 'account proof'],
    ['accountProof', 'nodes', 'answer form'],
    ['storageProof', 'nodes', 'answer form'],
  ])('a false %s (%j) is found by every read', async (field, value, check) => {
    node.lie = (method, answer) => (method === 'eth_getProof' ? { ...answer, [field]: value } : answer);
    for (const [, read] of reads) await failsWith(read(), check);
  });

  test('a node of the proof that is not the one its parent names is found', async () => {
    for (let at = 0; at < 2; at++) {
      node.lie = (method, answer) => {
        if (method !== 'eth_getProof') return answer;
        const nodes = [...answer.accountProof];
        nodes[at] = `${nodes[at].slice(0, -2)}${nodes[at].endsWith('00') ? '01' : '00'}`;
        return { ...answer, accountProof: nodes };
      };
      for (const [, read] of reads) await failsWith(read(), 'account proof');
    }
  });

  test('the true proof of another account, of another block, or one too long, proves nothing', async () => {
    const other = await node.provider.request({ method: 'eth_getProof', params: [toHex(BEACON_ROOTS_CONTRACT), ['0x0']] });
    node.lie = (method, answer) => (method === 'eth_getProof' ? other : answer);
    for (const [, read] of reads) await failsWith(read(), 'account proof');
    const genesis = { ...node.provider };
    node.lie = undefined;
    const old = (await genesis.request({ method: 'eth_getProof', params: [history, ['0x0'], '0x0'] })) as object;
    node.lie = (method, answer) => (method === 'eth_getProof' ? old : answer);
    await failsWith(client.getStorageAt({ address: history, slot: '0x0' }), 'account proof');
    node.lie = (method, answer) =>
      method === 'eth_getProof' ? { ...answer, accountProof: [...answer.accountProof, answer.accountProof[0]] } : answer;
    await failsWith(client.getBalance({ address: alice() }), 'account proof');
  });

  test('a false slot, by value or by proof, and false code are found', async () => {
    const storageLie = (change: (slot: { value: Hex; proof: Hex[] }) => object) => {
      node.lie = (method, answer) =>
        method === 'eth_getProof' ? { ...answer, storageProof: answer.storageProof.map(change) } : answer;
    };
    const read = () => client.getStorageAt({ address: history, slot: '0x0' });
    storageLie((slot) => ({ ...slot, value: '0x0' }));
    await failsWith(read(), 'storage value');
    storageLie((slot) => ({ ...slot, value: '0x0', proof: [] }));
    await failsWith(read(), 'storage proof');
    node.lie = (method, answer) => (method === 'eth_getCode' ? '0x6001' : answer);
    await failsWith(client.getCode({ address: history }), 'code hash');
    node.lie = (method, answer) => (method === 'eth_getCode' ? '0x' : answer);
    await failsWith(client.getCode({ address: history }), 'code hash');
  });
});

describe('a node that lies about blocks', () => {
  const read = (): Promise<unknown> => client.getBalance({ address: alice() });

  test.each([
    ['stateRoot', `0x${'22'.repeat(32)}`],
    ['receiptsRoot', `0x${'22'.repeat(32)}`],
    ['timestamp', '0x7fffffff'],
    ['number', '0x2'],
  ])('a header with another %s is one that nobody attested', async (field, value) => {
    node.lie = (method, answer) => (method === 'eth_getBlockByNumber' ? { ...answer, [field]: value } : answer);
    await expect(read()).rejects.toMatchObject({ code: 'NOT_ATTESTED', meta: { counted: 0 } });
  });

  test('the hash in a block object is not believed', async () => {
    node.lie = (method, answer) => (method === 'eth_getBlockByNumber' ? { ...answer, hash: `0x${'33'.repeat(32)}` } : answer);
    expect((await client.getBlock()).hash).toBe(toHex(safe.hash));
  });

  test('another block than the one that was asked for is found', async () => {
    const next = node.fixture.block(1, 1);
    await node.publishSafe(next);
    const first = await node.provider.request({ method: 'eth_getBlockByNumber', params: ['0x1', false] });
    node.lie = (method, answer, [block]) => (/^eth_getBlockBy/.test(method) && block !== 'safe' ? first : answer);
    await failsWith(client.getBlock({ blockNumber: 2n }), 'block number');
    await failsWith(client.getBlock({ blockHash: toHex(next.hash) }), 'block hash');
  });

  test.each<[string, (attestations: Record<string, unknown>[]) => unknown, number]>([
    ['too few attestations', (list) => list.slice(0, 1), 1],
    ['none', () => [], 0],
    ['null', () => null, 0],
    ['one prover twice', (list) => [list[0], list[0], { ...list[0] }], 1],
    [
      'another result under the same signature',
      (list) => list.map((item) => ({ ...item, stateDiffDigest: `0x${'01'.repeat(32)}` })),
      0,
    ],
    ['a statement of failure', (list) => list.map((item) => ({ ...item, success: false })), 0],
    ['attestations of another block', (list) => list.map((item) => ({ ...item, blockNumber: '0x2' })), 0],
    [
      'signatures with the other parity',
      (list) => list.map((item) => ({ ...item, signature: flip(item['signature'] as Hex) })),
      0,
    ],
    ['another kind of proof', (list) => list.map((item) => ({ ...item, proofType: '0x2' })), 0],
  ])('%s: not attested', async (_, change, counted) => {
    node.lie = (method, answer) => (method === 'strobe_attestations' ? change(answer) : answer);
    await expect(read()).rejects.toMatchObject({ code: 'NOT_ATTESTED', meta: { check: 'attestations', counted, threshold: 2 } });
  });

  test('attestations by keys that are no provers, of another chain or of an unknown kind do not count', async () => {
    const sign = (index: number, changes: Partial<UnsignedAttestation> = {}, domain = node.fixture.identity) => {
      const attestation = node.fixture.attestation(safe, 0, changes);
      const signer = index < 3 ? defined(node.fixture.provers[index]) : testSigner(`stranger ${index}`);
      return toHex(signer.sign(attestationDigest(attestation, domain)));
    };
    const withSignatures = (signatures: Hex[]) => {
      node.lie = (method, answer) =>
        method === 'strobe_attestations' ? signatures.map((signature) => ({ ...answer[0], signature })) : answer;
    };
    withSignatures([sign(3), sign(4), sign(0)]);
    await expect(read()).rejects.toMatchObject({ code: 'NOT_ATTESTED', meta: { counted: 1, given: 3 } });
    const elsewhere = { ...node.fixture.identity, genesisHash: new Uint8Array(32) };
    withSignatures([sign(0, {}, elsewhere), sign(1, {}, elsewhere)]);
    await expect(read()).rejects.toMatchObject({ meta: { counted: 0 } });
    withSignatures([sign(2), sign(1)]);
    await read();
  });

  test('a list that is no list, or has what is no attestation, is no answer', async () => {
    for (const wrong of ['none', [5], [{}], [{ proofType: '0x1' }]]) {
      node.lie = (method, answer) => (method === 'strobe_attestations' ? wrong : answer);
      await failsWith(read(), 'answer form');
    }
    node.lie = (method) => (method === 'eth_getBlockByNumber' ? { number: '0x1' } : undefined);
    await failsWith(read(), 'answer form');
  });

  test('an old attested head is refused once it is too old, and never followed back to', async () => {
    const head = connect({ maxAgeSeconds: 60 });
    const old = await node.provider.request({ method: 'eth_getBlockByNumber', params: ['safe', false] });
    const next = node.fixture.block(1, 2);
    await node.publishSafe(next);
    expect(await head.getBlockNumber()).toBe(2n);
    node.lie = (method, answer, [block]) => (method === 'eth_getBlockByNumber' && block === 'safe' ? old : answer);
    expect(await head.getBlockNumber()).toBe(2n);
    expect(await connect().getBlockNumber()).toBe(1n);
    const later = connect({ maxAgeSeconds: 60, nowMs: () => (safe.seal.header.timestamp + 61) * 1_000 });
    await expect(later.getBalance({ address: alice() })).rejects.toMatchObject({ code: 'NOT_ATTESTED', meta: { check: 'age' } });
    // By its number it is still what it is.
    await later.getBalance({ address: alice(), blockNumber: 1n });
  });
});

describe('a node that lies about receipts', () => {
  const read = (index: number) => client.getTransactionReceipt({ hash: defined(hashes[index]) });
  const receiptLie = (change: (proof: Record<string, Hex[] & Hex>) => object | null) => {
    node.lie = (method, answer) => (method === 'strobe_getReceiptProof' ? change(answer) : answer);
  };

  test('the true proof of another receipt, transaction or index is found', async () => {
    const others = (await Promise.all(
      hashes.map((hash) => node.provider.request({ method: 'strobe_getReceiptProof', params: [hash] })),
    )) as Record<string, Hex[]>[];
    const other = defined(others[2]);
    receiptLie(() => other);
    await failsWith(read(1), 'transaction hash');
    receiptLie((proof) => ({ ...proof, receiptProof: defined(other['receiptProof']) }));
    await failsWith(read(1), 'receipt proof');
    receiptLie((proof) => ({ ...proof, previousReceiptProof: defined(other['receiptProof']) }));
    await failsWith(read(1), 'receipt proof');
    receiptLie((proof) => ({ ...proof, transactionIndex: '0x2' }));
    await failsWith(read(1), 'transaction proof');
    receiptLie((proof) => ({ ...proof, transactionIndex: '0x99', transactionProof: [] }));
    await failsWith(read(1), 'transaction proof');
  });

  test('an altered receipt or transaction is found', async () => {
    for (const [field, check] of [
      ['receiptProof', 'receipt proof'],
      ['transactionProof', 'transaction proof'],
    ] as const) {
      receiptLie((proof) => {
        const nodes = [...(proof[field] as Hex[])];
        const last = nodes.length - 1;
        nodes[last] = `${(nodes[last] as Hex).slice(0, -2)}ff` as Hex;
        return { ...proof, [field]: nodes };
      });
      await failsWith(read(1), check);
    }
    receiptLie((proof) => ({ ...proof, receiptProof: [] }));
    await failsWith(read(0), 'receipt proof');
  });

  test('a block that is not attested, or not that of the number, is found', async () => {
    const next = node.fixture.block(1, 1);
    await node.publish(next);
    receiptLie((proof) => ({ ...proof, blockHash: toHex(next.hash) }));
    await expect(read(1)).rejects.toMatchObject({ code: 'NOT_ATTESTED' });
    receiptLie((proof) => ({ ...proof, blockNumber: '0x0' }));
    await failsWith(read(1), 'block number');
  });
});

describe('options', () => {
  test.each<[string, Partial<VerifiedTransportOptions>]>([
    ['a threshold above the provers', { threshold: 4 }],
    ['no threshold', { threshold: 0 }],
    ['a prover twice', { provers: [`0x${'01'.repeat(20)}`, `0x${'01'.repeat(20)}`] }],
    ['a prover that is no address', { provers: ['0x01'], threshold: 1 }],
    ['a genesis hash that is none', { genesisHash: '0xzz' }],
    ['a chain id that is none', { chainId: 0 }],
  ])('%s is refused', (_, changes) => {
    expect(() => connect(changes)).toThrow(expect.objectContaining({ code: 'INVALID_OPTIONS' }));
  });

  test('parameters that are none are the caller’s mistake', async () => {
    const ask = (method: string, params: unknown[]) => client.request({ method, params } as never);
    await expect(ask('eth_getBalance', ['0x12'])).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    await expect(ask('eth_getBalance', [alice(), 'newest'])).rejects.toMatchObject({ code: 'INVALID_BLOCK' });
    await expect(ask('eth_getStorageAt', [alice(), `0x${'00'.repeat(33)}`])).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
    await expect(ask('eth_getProof', [alice(), 'keys'])).rejects.toMatchObject({ code: 'INVALID_PARAMS' });
  });
});

function flip(signature: Hex): Hex {
  return `${signature.slice(0, -2)}${signature.endsWith('00') ? '01' : '00'}` as Hex;
}
