import { afterEach, expect, test } from 'vitest';
import { loadRoots } from '../../../src/node/load-roots.ts';
import { encodeMiniBlock } from '../../../src/protocol/mini-block.ts';
import { encodeStateDiff } from '../../../src/protocol/state-diff.ts';
import { createInlineRoots, type RootsHost, startRootsThread } from '../../../src/state/roots-host.ts';
import { StateTable } from '../../../src/state/table/state-table.ts';
import { toHex } from '../../../src/util/bytes.ts';
import { ChainBuilder } from '../../support/chain-builder.ts';

const hosts: RootsHost[] = [];
const use = (host: RootsHost): RootsHost => {
  hosts.push(host);
  return host;
};
afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop();
});

test('a thread and the calling thread give the roots that the seals of the chain have', async () => {
  const builder = new ChainBuilder();
  const blocks = [builder.block(2, 3), builder.block(1, 0), builder.block(3, 1)];
  for (const host of [use(createInlineRoots()), use(startRootsThread())]) {
    host.load(encodeStateDiff(builder.genesis.allocation));
    expect(await host.ready()).toEqual(builder.genesisHeader.stateRoot);
    for (const { miniBlocks, seal, diff } of blocks) {
      for (const built of miniBlocks) {
        host.append({ miniBlockBytes: encodeMiniBlock(built.miniBlock), diffBytes: encodeStateDiff(built.diff) });
      }
      const keys = diff.accounts.map(({ address, slots }) => ({ address, slots: (slots ?? []).map(({ key }) => key) }));
      const [roots] = await Promise.all([host.roots(), host.seal({ keys, codes: [], headers: [] })]);
      expect(roots).toEqual({
        stateRoot: seal.header.stateRoot,
        transactionsRoot: seal.header.transactionsRoot,
        receiptsRoot: seal.header.receiptsRoot,
        logsBloom: seal.header.logsBloom,
        gasUsed: seal.header.gasUsed,
      });
    }
  }
});

test('the state of a table is loaded from its memory, in a thread and on the calling thread', async () => {
  const builder = new ChainBuilder();
  const table = new StateTable();
  table.apply(builder.genesis.allocation, 0);
  for (const { diff, miniBlock } of builder.block(3, 4).miniBlocks) table.apply(diff, miniBlock.envelope.number);
  const { stateRoot } = builder.blockAt(1).seal.header;
  for (const host of [use(createInlineRoots()), use(startRootsThread())]) await loadRoots(host, table, stateRoot);
  const other = loadRoots(use(startRootsThread()), table, builder.genesisHeader.stateRoot);
  await expect(other).rejects.toMatchObject({ code: 'STATE_ROOT_MISMATCH', meta: { stored: toHex(stateRoot) } });
});

test('bytes that are no mini-block end the thread, and the owner is told', async () => {
  const host = use(startRootsThread());
  host.append({ miniBlockBytes: Uint8Array.of(1, 2, 3), diffBytes: Uint8Array.of() });
  await expect(host.ready()).rejects.toMatchObject({ code: 'THREAD_DIED' });
  await expect(host.failed).rejects.toMatchObject({ code: 'THREAD_DIED' });
});
