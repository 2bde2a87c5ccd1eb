import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { DaLogger } from '../../../src/da/da-modules.ts';
import { FileDataAvailability } from '../../../src/da/file-da.ts';
import type { LogEntry, MiniBlockLog } from '../../../src/protocol/ports/log.ts';
import type { ChainStore } from '../../../src/store/chain-store.ts';
import type { ChainBuilder } from '../../support/chain-builder.ts';
import { addBlocks, openTestStore, recordsOf } from '../../support/chain-store-kit.ts';
import { tempDirectory } from '../../support/temp-directory.ts';

/** A log over records in memory. */
function memoryLog(records: readonly LogEntry[]): Pick<MiniBlockLog, 'read'> {
  return {
    read: async function* (from) {
      yield* records.filter(({ number }) => number >= from);
    },
  };
}

export class CapturedLog implements DaLogger {
  readonly warnings: string[] = [];

  info(): void {}

  warn(fields: object, message: string): void {
    this.warnings.push(`${message} ${JSON.stringify(fields)}`);
  }
}

export interface DaNode {
  readonly store: ChainStore;
  readonly log: Pick<MiniBlockLog, 'read'>;
}

/** A store with all of the builder's blocks, none of them safe. */
export async function daNode(builder: ChainBuilder, records = recordsOf(builder.blocks)): Promise<DaNode> {
  const store = await openTestStore(builder);
  onTestFinished(() => store.close());
  await addBlocks(store, builder.blocks);
  return { store, log: memoryLog(records) };
}

export async function tempDa(): Promise<{ da: FileDataAvailability; directory: string }> {
  const directory = join(tempDirectory(), 'da');
  return { da: await FileDataAvailability.open({ directory }), directory };
}
