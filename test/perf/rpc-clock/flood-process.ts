import { WebSocket } from 'ws';
import { defined } from '../../support/defined.ts';

// Reads at a steady rate over several WebSockets: url, token, holder, requests a second, long calls a second, seconds, gas of a
// long call. Prints what came of it.

const SOCKETS = 8;
const TICK_MS = 5;
/** More unanswered ones mean that the node does not keep up: they are not sent then. */
const MAX_UNANSWERED = 4_000;

const [url, token, holder, ...numbers] = process.argv.slice(2) as [string, string, string, ...string[]];
const [rate, longCalls, seconds, longCallGas] = numbers.map(Number) as [number, number, number, number];
/** A loop (JUMPDEST PUSH0 JUMP) until the gas is used up. */
const LONG_CALL = { data: '0x5b5f56', gas: `0x${longCallGas.toString(16)}` };
const balanceOf = `0x70a08231${holder.slice(2).padStart(64, '0')}`;

const text = (id: number, method: string, params: readonly unknown[]): string =>
  JSON.stringify({ jsonrpc: '2.0', id, method, params });

/** Balances, calls of the token, and logs of the newest blocks, by turns. */
function request(id: number, head: number): string {
  const of = (method: string, params: readonly unknown[]): string => text(id, method, params);
  if (id % 10 === 9) return of('eth_getLogs', [{ address: token, fromBlock: `0x${Math.max(0, head - 10).toString(16)}` }]);
  if (id % 2 === 0) return of('eth_getBalance', [holder, 'latest']);
  return of('eth_call', [{ to: token, data: balanceOf }, 'latest']);
}

const open = async (): Promise<WebSocket> => {
  const socket = new WebSocket(url);
  await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
  return socket;
};

const sockets = await Promise.all(Array.from({ length: SOCKETS }, open));
const counts = { sent: 0, answered: 0, failed: 0, skipped: 0 };
let head = 0;
for (const socket of sockets) {
  socket.on('message', (data) => {
    counts.answered++;
    if (String(data).includes('"error"')) counts.failed++;
  });
}
const startedMs = performance.now();
let due = 0;
let longDue = 0;
await new Promise<void>((resolve) => {
  const timer = setInterval(() => {
    const elapsed = (performance.now() - startedMs) / 1_000;
    if (elapsed >= seconds) {
      clearInterval(timer);
      resolve();
      return;
    }
    head = Math.floor(elapsed);
    for (; longDue < elapsed * longCalls; longDue++) {
      defined(sockets[0]).send(text(counts.sent++, 'eth_call', [LONG_CALL, 'latest']));
    }
    for (; due < elapsed * rate; due++) {
      if (counts.sent - counts.answered >= MAX_UNANSWERED) counts.skipped++;
      else defined(sockets[due % SOCKETS]).send(request(counts.sent++, head));
    }
  }, TICK_MS);
});
for (const socket of sockets) socket.terminate();
console.log(JSON.stringify({ ...counts, answeredPerSecond: Math.round(counts.answered / seconds) }));
