import { afterAll, expect, test } from 'vitest';
import WebSocket from 'ws';
import { ChainBuilder } from '../support/chain-builder.ts';
import { rpc } from '../support/json-rpc.ts';
import { page } from '../support/node-process.ts';
import { RawConnection } from '../support/raw-http.ts';
import { RoleProcesses } from '../support/role-processes.ts';
import { testAccount } from '../support/test-accounts.ts';
import { waitFor } from '../support/wait-for.ts';

const MIB = 1024 * 1024;
const HEAD = 'POST / HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n';
/** What the limits below allow together, and as much again for garbage that waits to be collected. */
const MAX_GROWTH_MIB = 500;
const FLAGS = {
  '--rpc-max-connections': 400,
  '--rpc-max-held-request-bytes': 32 * MIB,
  '--rpc-max-held-answer-bytes': 32 * MIB,
  '--rpc-max-response-bytes': 16 * MIB,
  '--rpc-max-total-queue-bytes': 32 * MIB,
};

const roles = await RoleProcesses.create(new ChainBuilder().genesisFile);
const connections: RawConnection[] = [];
const sockets: WebSocket[] = [];
afterAll(async () => {
  for (const { socket } of connections) socket.destroy();
  for (const socket of sockets) socket.terminate();
  await roles[Symbol.asyncDispose]();
});

/** A request whose answer is as long as one likes, and cheap. */
const echo = (bytes: number): string => JSON.stringify({ jsonrpc: '2.0', id: 'x'.repeat(bytes), method: 'eth_chainId' });
const CALL = { to: '0x0000000000000000000000000000000000000004', data: `0x${'00'.repeat(100)}` };
const calls = (count: number): string =>
  JSON.stringify(Array(count).fill({ jsonrpc: '2.0', id: 1, method: 'eth_call', params: [CALL] }));

test('readers that do not read, requests that do not end and huge batches shut nobody out', async () => {
  const args = Object.entries(FLAGS).flatMap(([flag, value]) => [flag, String(value)]);
  const node = await roles.sequencer('sequencer', [], testAccount('sequencer'), { args });
  await node.ready();
  const port = Number(new URL(node.rpcUrl).port);
  const metric = async (name: string): Promise<number> => {
    const { body } = (await page(`${node.metricsUrl}/metrics`)) ?? { body: '' };
    return Number(new RegExp(`^${name} (\\S+)$`, 'm').exec(body)?.[1]);
  };
  const residentMebibytes = async (): Promise<number> => (await metric('process_resident_memory_bytes')) / MIB;
  const before = await residentMebibytes();
  let peak = before;
  const answered: number[] = [];
  /** What everyone else sees: an answer, always, and soon. */
  const asOthers = async (): Promise<void> => {
    const start = performance.now();
    await rpc(node.rpcUrl, 'eth_getBlockByNumber', ['latest', false]);
    answered.push(performance.now() - start);
    peak = Math.max(peak, await residentMebibytes());
  };
  const open = (): RawConnection => {
    const connection = new RawConnection(port);
    connections.push(connection);
    return connection;
  };

  // 80 bodies of 4 MiB that lack their end: 320 MiB, if they were all kept.
  const half = Buffer.alloc(4 * MIB, 0x20);
  for (let count = 0; count < 80; count++) {
    open()
      .write(`${HEAD}content-length: ${5 * MIB}\r\n\r\n`)
      .write(half);
    if (count % 10 === 0) await asOthers();
  }
  // 30 answers of 4 MiB that nobody reads.
  for (let count = 0; count < 30; count++) {
    const reader = open();
    reader.socket.pause();
    reader.post(echo(4 * MIB));
    if (count % 10 === 0) await asOthers();
  }
  // 12 WebSockets that ask for 4 MiB again and again and read nothing, and 12 that never end a message.
  for (let count = 0; count < 24; count++) {
    const socket = new WebSocket(`ws://127.0.0.1:${port}`);
    sockets.push(socket);
    socket.on('error', () => {});
    await new Promise((resolve) => socket.once('open', resolve).once('close', resolve));
    if (socket.readyState !== WebSocket.OPEN) continue;
    if (count % 2 === 0) socket.send(half, { fin: false });
    else {
      socket.pause();
      for (let message = 0; message < 4; message++) socket.send(echo(4 * MIB));
    }
    if (count % 10 === 0) await asOthers();
  }
  // 2 batches of 1,000 calls, and more connections than there may be.
  const batches = Array.from({ length: 2 }, () => open().post(calls(1_000)));
  for (let count = 0; count < 150; count++) open().write(HEAD);
  for (let count = 0; count < 10; count++) await asOthers();
  await Promise.all(batches.map((connection) => waitFor(() => /HTTP\/1.1 \d+/.test(connection.text), { timeoutMs: 20_000 })));

  const block = Number(await rpc(node.rpcUrl, 'eth_blockNumber'));
  await waitFor(async () => Number(await rpc(node.rpcUrl, 'eth_blockNumber')) > block, { timeoutMs: 10_000 });
  expect(node.process.hasExited).toBe(false);
  expect(Math.max(...answered)).toBeLessThan(5_000);
  expect(peak - before).toBeLessThan(MAX_GROWTH_MIB);
  console.log(
    `memory ${before.toFixed(0)} -> ${peak.toFixed(0)} MiB, slowest answer to others ${Math.max(...answered).toFixed(0)} ms`,
  );
});
