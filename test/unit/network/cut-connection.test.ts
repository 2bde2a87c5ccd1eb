import { expect, test } from 'vitest';
import type { PeerSource } from '../../../src/protocol/ports/network.ts';
import { freePorts } from '../../support/free-ports.ts';
import { TcpRelay } from '../../support/tcp-relay.ts';
import { waitFor } from '../../support/wait-for.ts';
import { pattern, startNode } from './network-fixture.ts';

const HEAD = { epoch: 1, number: 10, digest: new Uint8Array(32) };

/** A reader whose only way to the server is a relay. */
async function connect(source: PeerSource) {
  const server = await startNode({ source });
  const [host, port, id] = [server.address.split('/')[2], server.address.split('/')[4], server.address.split('/').at(-1)];
  const relayPort = await freePorts(1);
  const relay = new TcpRelay({ host: '127.0.0.1', port: relayPort, target: { host: host as string, port: Number(port) } });
  await relay.start();
  const reader = await startNode({ bootstrap: [`/ip4/127.0.0.1/tcp/${relayPort}/p2p/${id}`] });
  await waitFor(async () => (await reader.node.peers.heads()).length === 1);
  const offences = () => [...reader.events, ...server.events].filter(({ kind }) => kind === 'offence');
  const stop = async (): Promise<void> => {
    await reader.node.stop();
    await relay.stop();
    await server.node.stop();
  };
  return { reader, relay, offences, stop };
}

test.each([
  ['before the first record', 0],
  ['between records', 1],
])('a connection that is cut %s of an answer is no fault of the peer', async (_, records) => {
  const served = { asked: false };
  const { reader, relay, offences, stop } = await connect({
    head: () => HEAD,
    range: async function* () {
      served.asked = true;
      for (let i = 0; i < records; i++) yield pattern(200_000, i);
      await new Promise(() => {});
    },
    witness: async () => undefined,
  });
  const read = (async () => {
    for await (const _record of reader.node.peers.range(1, 10));
  })();
  const failed = expect(read).rejects.toMatchObject({ code: 'NO_PEER_HAS_RANGE' });
  await waitFor(() => served.asked, { what: 'the request arrives' });
  relay.cut();
  await failed;
  await waitFor(() => reader.events.some(({ kind }) => kind === 'failure'));
  expect(offences()).toEqual([]);
  await stop();
});
