import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PeerEvent } from '../../src/network/network-metrics.ts';
import type { NetworkNode } from '../../src/network/network-node.ts';
import { loadGenesisChain } from '../../src/node/genesis-chain.ts';
import { decodeLogRecord, encodeSequencerMessage } from '../../src/protocol/log-record.ts';
import { type MiniBlock, signMiniBlock } from '../../src/protocol/mini-block.ts';
import { createStateDiff, stateDiffDigest } from '../../src/protocol/state-diff.ts';
import { type Bytes, fromHex, type Hex, toHex } from '../../src/util/bytes.ts';
import { keccak256 } from '../../src/util/keccak.ts';
import { defined } from '../support/defined.ts';
import { nodeInfo, type RpcReceiptJson, rpc } from '../support/json-rpc.ts';
import { startListener } from '../support/listener.ts';
import { plainDiffPayload } from '../support/plain-diff.ts';
import { testAccount, testSigner } from '../support/test-accounts.ts';
import { TestDevnet } from '../support/test-devnet.ts';
import { waitFor } from '../support/wait-for.ts';

/** Who would gain by the tampered diffs. */
const THIEF = testAccount('thief').address;
/** Offences after which a peer is banned (src/network/network-limits.ts). */
const OFFENCES_BEFORE_BAN = 5;

let devnet: TestDevnet;
let peer: NetworkNode;
const events: PeerEvent[] = [];

beforeAll(async () => {
  devnet = await TestDevnet.create({ replicas: 1 });
  await devnet.start('sequencer');
  await devnet.start('replica-1');
  const { identity } = await loadGenesisChain(devnet.paths.genesis);
  const replicaPort = defined(devnet.plan.find(({ name }) => name === 'replica-1')).p2pPort;
  const bootstrap = [`/ip4/127.0.0.1/tcp/${replicaPort}`];
  peer = await startListener({ identity, bootstrap, topic: 'mini-blocks', onPeerEvent: (event) => events.push(event) });
});

afterAll(async () => {
  await peer?.stop();
  await devnet[Symbol.asyncDispose]();
});

/** The newest mini-block, as the replica serves it to any peer. */
async function newestMiniBlock(): Promise<MiniBlock> {
  const head = await waitFor(async () => (await peer.peers.heads()).find(({ number }) => number > 0), {
    ...{ timeoutMs: 20_000, pollMs: 100, what: 'a head' },
  });
  for await (const bytes of peer.peers.range(head.number, 1)) {
    const record = decodeLogRecord(bytes);
    if (record.kind === 'miniBlock') return record.miniBlock;
  }
  throw new TypeError('the replica serves its head');
}

/** What would follow `parent`, with a diff that gives the thief `balance`. */
function forge({ envelope, digest, bodyPayload }: MiniBlock, balance: bigint): Bytes {
  const diff = createStateDiff([{ address: THIEF, balance }], []);
  const diffPayload = plainDiffPayload(diff);
  const position = { number: envelope.number + 1, index: envelope.index + 1, parentDigest: digest, env: undefined };
  const digests = { stateDiffDigest: stateDiffDigest(diff), diffPayloadDigest: keccak256(diffPayload) };
  const unsigned = { ...envelope, ...position, ...digests, timestampUs: envelope.timestampUs + 1 };
  const signed = signMiniBlock(unsigned, testSigner('not the sequencer'));
  return encodeSequencerMessage({ kind: 'miniBlock', miniBlock: { ...signed, diffPayload, bodyPayload } });
}

/** A mini-block under its good signature with another diff than the one that was signed. */
function swapDiff({ envelope, digest, bodyPayload }: MiniBlock, balance: bigint): Bytes {
  const diffPayload = plainDiffPayload(createStateDiff([{ address: THIEF, balance }], []));
  return encodeSequencerMessage({ kind: 'miniBlock', miniBlock: { envelope, digest, diffPayload, bodyPayload } });
}

const rejected = (reason: string): Promise<number> =>
  devnet.metric('replica-1', 'strobe_replica_gossip_verdicts_total', `topic="mini-blocks",verdict="reject",reason="${reason}"`);

async function publishUntil(messages: readonly Bytes[], condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const message of messages) peer.gossip.publish('mini-blocks', message);
  await devnet.process('replica-1').until(condition, what, 20_000);
}

test('a mini-block that another key signed is rejected, and its sender penalised and banned', async () => {
  const parent = await newestMiniBlock();
  const before = await nodeInfo(devnet.rpcUrl('replica-1'));
  // The mesh forms within a heartbeat or two of gossip: until then nothing arrives.
  let balance = 1n;
  await waitFor(
    async () => {
      if ((await rejected('UNKNOWN_SIGNER')) > 0) return true;
      peer.gossip.publish('mini-blocks', forge(parent, balance++));
      return false;
    },
    { timeoutMs: 30_000, pollMs: 200, what: 'the first forgery is rejected' },
  );
  await publishUntil(
    [swapDiff(parent, 1n)],
    async () => (await rejected('INVALID_MINI_BLOCK')) > 0,
    'a swapped diff is rejected',
  );
  const more = Array.from({ length: OFFENCES_BEFORE_BAN }, () => forge(parent, balance++));
  await publishUntil(
    more,
    async () => (await devnet.metric('replica-1', 'strobe_peer_offences_total')) >= OFFENCES_BEFORE_BAN,
    'five offences',
  );
  await waitFor(() => events.some(({ kind }) => kind === 'disconnected'), { timeoutMs: 10_000, what: 'the replica hangs up' });

  const after = await nodeInfo(devnet.rpcUrl('replica-1'));
  expect(after).toMatchObject({ state: 'live', isReady: true });
  expect(after.miniBlock - before.miniBlock).toBeLessThan(5);
  expect(await rpc(devnet.rpcUrl('replica-1'), 'eth_getBalance', [toHex(THIEF), 'latest'])).toBe('0x0');
  expect(await rpc(devnet.rpcUrl('replica-1'), 'strobe_equivocations')).toEqual([]);
});

test('the replica follows the true chain all the while', async () => {
  const fees = { maxFeePerGas: 10_000_000_000n, maxPriorityFeePerGas: 1n } as const;
  const request = {
    type: 'eip1559',
    chainId: devnet.chainId,
    nonce: 0,
    to: toHex(fromHex('0x00000000000000000000000000000000000000aa')),
    value: 3n,
    gas: 21_000n,
    ...fees,
  } as const;
  const raw = await devnet.account(0).signTransaction(request);
  const receipt = await rpc<RpcReceiptJson>(devnet.rpcUrl('replica-1'), 'eth_sendRawTransactionSync', [raw, 20_000]);
  expect(receipt.status).toBe('0x1');
  for (const name of ['sequencer', 'replica-1']) {
    expect(BigInt(await rpc<Hex>(devnet.rpcUrl(name), 'eth_getBalance', [request.to, 'latest']))).toBe(3n);
  }
});
