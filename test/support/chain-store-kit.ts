import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { ChainWriter } from '../../src/protocol/ports/chain.ts';
import type { MiniBlockLog } from '../../src/protocol/ports/log.ts';
import type { CommittedState } from '../../src/protocol/ports/state.ts';
import type { ChainStore } from '../../src/store/chain-store.ts';
import { openLevel } from '../../src/store/level-database.ts';
import { type OpenChainStoreOptions, openChainStore } from '../../src/store/open-chain-store.ts';
import { SegmentLog } from '../../src/store/segment-log.ts';
import { toKey } from '../../src/util/bytes.ts';
import type { BuiltBlock, BuiltMiniBlock, ChainBuilder } from './chain-builder.ts';
import { tempDirectory } from './temp-directory.ts';

/** A log that holds nothing, for stores that never read it. */
const NO_LOG: Pick<MiniBlockLog, 'read'> = { read: async function* () {} };

/** What went to the logger. */
export class CapturedErrors {
  readonly messages: string[] = [];

  error(fields: object, message: string): void {
    this.messages.push(`${message} ${JSON.stringify(fields)}`);
  }
}

export async function openTestStore(
  builder: ChainBuilder,
  options: Partial<OpenChainStoreOptions> & { readonly log?: Pick<MiniBlockLog, 'read'> } = {},
  logger = new CapturedErrors(),
): Promise<ChainStore> {
  const { log = NO_LOG, directory = tempDirectory(), ...limits } = options;
  const { genesis, genesisHeader } = builder;
  return openChainStore({ directory, chainId: genesis.chainId, genesisHeader, ...limits }, { log, logger });
}

/** An open log and store of one node in a fresh directory, closed with the test. */
export async function openTestNode(builder: ChainBuilder): Promise<{ log: SegmentLog; store: ChainStore }> {
  const directory = tempDirectory();
  const { log } = await SegmentLog.open({
    directory: join(directory, 'log'),
    genesisHash: builder.genesisHash,
    durability: 'os',
  });
  const store = await openTestStore(builder, { directory: join(directory, 'chain'), log });
  onTestFinished(async () => {
    await store.close();
    await log.close();
  });
  return { log, store };
}

export function appendAll(store: ChainWriter, miniBlocks: readonly BuiltMiniBlock[]): void {
  for (const miniBlock of miniBlocks) store.appendMiniBlock(miniBlock);
}

/** Appends and seals built blocks, as a role does. */
export async function addBlocks(store: ChainWriter, blocks: readonly BuiltBlock[]): Promise<void> {
  for (const block of blocks) {
    appendAll(store, block.miniBlocks);
    await store.sealBlock(block.seal);
    await store.putBlockDiff(block.seal.header.number, block.diffBytes);
  }
}

/** Records of built blocks in log order. */
export function recordsOf(blocks: readonly BuiltBlock[]): BuiltMiniBlock['record'][] {
  return blocks.flatMap((block) => [...block.miniBlocks.map(({ record }) => record), block.record]);
}

/** Contents of a state in comparable form. */
export function describeState(state: Pick<CommittedState, 'entries'>): Record<string, unknown> {
  const accounts = [...state.entries()].map(({ address, account, slots }) => [
    toKey(address),
    {
      nonce: account.nonce,
      balance: account.balance,
      codeHash: toKey(account.codeHash),
      slots: Object.fromEntries([...slots].map(({ key, value }): [string, string] => [toKey(key), toKey(value)]).sort()),
    },
  ]);
  return Object.fromEntries(accounts.sort(([a], [b]) => ((a as string) < (b as string) ? -1 : 1)));
}

/** Every row of a closed database. */
export async function dumpRows(directory: string): Promise<string[]> {
  const database = await openLevel(directory);
  const rows = await database.iterator().all();
  await database.close();
  return rows.map(([key, value]) => `${toKey(key)}=${toKey(value)}`);
}
