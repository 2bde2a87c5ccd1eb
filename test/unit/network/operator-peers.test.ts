import { expect, test } from 'vitest';
import { defined } from '../../support/defined.ts';
import { waitFor } from '../../support/wait-for.ts';
import { startNode } from './network-fixture.ts';

const idOf = (address: string): string => defined(address.split('/p2p/')[1]);

test('an operator adds a peer, which is kept connected, and removes it again', async () => {
  await using a = await startNode();
  await using b = await startNode();
  expect(await a.node.addPeer(b.address)).toBe(true);
  const [connection] = await waitFor(async () => {
    const open = await a.node.connections();
    return open.length > 0 ? open : undefined;
  });
  expect(connection).toMatchObject({ peer: idOf(b.address), direction: 'outbound' });
  expect(b.address).toContain(defined(connection).address.replace(/\/p2p\/.*/, ''));

  // Cut from the other side it comes back.
  await waitFor(async () => (await b.node.connections()).length > 0);
  await b.node.removePeer(idOf(a.address));
  await waitFor(() => b.events.some(({ kind }) => kind === 'disconnected'));
  await waitFor(async () => (await a.node.connections()).length > 0);

  expect(await a.node.removePeer(idOf(b.address))).toBe(true);
  await waitFor(async () => (await a.node.connections()).length === 0);
  expect(await a.node.removePeer(idOf(b.address))).toBe(false);
});

test('an address that is none is refused, and so is one too many', async () => {
  await using a = await startNode();
  await expect(a.node.addPeer('enode://abc')).rejects.toMatchObject({ code: 'INVALID_MULTIADDR' });
  expect(await a.node.addPeer(a.address)).toBe(false);
  // Nobody listens there: 64 dials are refused at once and tried again later.
  const added = await Promise.all(Array.from({ length: 65 }, (_, at) => a.node.addPeer(`/ip4/127.0.0.1/tcp/${at + 1}`)));
  expect(added.filter((isKept) => isKept)).toHaveLength(64);
  expect(added.at(-1)).toBe(false);
});
