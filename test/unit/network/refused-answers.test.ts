import { expect, test } from 'vitest';
import { OFFENCES_BEFORE_BAN } from '../../../src/network/network-limits.ts';
import type { PeerSource } from '../../../src/protocol/ports/network.ts';
import type { Bytes } from '../../../src/util/bytes.ts';
import { waitFor } from '../../support/wait-for.ts';
import { EMPTY_SOURCE, pattern, startNode, type TestNode } from './network-fixture.ts';

const FORGED = { code: 'RANGE_INVALID', isForged: true };
const USELESS = { code: 'WITNESS_DIGEST_MISMATCH', isForged: false };

function serving(seed: number): PeerSource {
  return {
    head: () => ({ epoch: 1, number: 10, digest: new Uint8Array(32) }),
    range: async function* () {
      yield pattern(100, seed);
    },
    witness: async () => pattern(100, seed),
  };
}

async function startReader(...servers: readonly TestNode[]): Promise<TestNode> {
  const reader = await startNode({ source: EMPTY_SOURCE, bootstrap: servers.map(({ address }) => address) });
  await waitFor(async () => (await reader.node.peers.heads()).length === servers.length);
  return reader;
}

const idOf = ({ address }: TestNode): string => address.split('/').at(-1) as string;

async function readWhole(answer: AsyncIterable<Bytes>): Promise<Bytes | undefined> {
  let last: Bytes | undefined;
  for await (const record of answer) last = record;
  return last;
}

test('a useless answer costs the peer its turn and shows in its standing, and bans nobody', async () => {
  await using bad = await startNode({ source: serving(1) });
  await using reader = await startReader(bad);
  await using good = await startNode({ source: serving(2), bootstrap: [reader.address] });
  await waitFor(async () => (await reader.node.peers.heads()).length === 2);
  const first = await reader.node.peers.witness(1);
  reader.node.peers.refuse(first, USELESS);
  // Refused twice is refused once.
  reader.node.peers.refuse(first, USELESS);
  for (let i = 0; i < 4; i++) expect(await reader.node.peers.witness(1)).toEqual(pattern(100, 2));
  expect(await reader.node.standings()).toEqual([
    { peer: idOf(bad), direction: 'outbound', score: -1, offences: 0, failures: 1, bannedForMs: 0 },
    { peer: idOf(good), direction: 'inbound', score: 0, offences: 0, failures: 0, bannedForMs: 0 },
  ]);
  expect(reader.events).toContainEqual({ kind: 'failure', peer: idOf(bad), code: 'WITNESS_DIGEST_MISMATCH' });
  expect(reader.node.peerCount()).toBe(2);
});

test('whoever forges answers is banned, also when the fault is found after their end', async () => {
  await using forger = await startNode({ source: serving(1) });
  await using reader = await startReader(forger);
  for (let i = 1; i <= OFFENCES_BEFORE_BAN; i++) {
    const answer = reader.node.peers.range(1, 1);
    expect(await readWhole(answer)).toEqual(pattern(100, 1));
    reader.node.peers.refuse(answer, FORGED);
    await waitFor(() => reader.events.filter(({ kind }) => kind === 'offence').length === i);
  }
  await waitFor(() => reader.node.peerCount() === 0, { what: 'the forger is out' });
  const [standing] = await reader.node.standings();
  expect(standing).toMatchObject({ peer: idOf(forger), direction: undefined, score: -100 });
  expect(standing?.bannedForMs).toBeGreaterThan(0);
});

test('nobody is blamed for what no peer answered', async () => {
  await using reader = await startNode();
  reader.node.peers.refuse({}, FORGED);
  expect(await reader.node.standings()).toEqual([]);
});
