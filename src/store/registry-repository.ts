import type { RegistryDelta, RegistryMark, RegistryRows } from '../protocol/ports/chain.ts';
import type { Address, Hash } from '../protocol/primitives.ts';
import { type Bytes, concatBytes } from '../util/bytes.ts';
import type { LevelBatch, LevelDatabase } from './level-database.ts';
import { NUMBER_BYTES, numberKey, rangeOf, readNumber, TABLE, writeNumber } from './tables.ts';
import type { WritePacer } from './write-pacer.ts';

/** The registry of ids (PROTOCOL section 4) as of the sealed head. */
export class RegistryRepository {
  readonly #database: LevelDatabase;

  constructor(database: LevelDatabase) {
    this.#database = database;
  }

  async put(batch: LevelBatch, { before, rows }: RegistryDelta, pacer: WritePacer): Promise<void> {
    for (const [index, address] of rows.accounts.entries()) {
      batch.put(numberKey(TABLE.registryAccounts, before.accounts + index), address);
      if (pacer.isDue()) await pacer.yield();
    }
    for (const [index, slot] of rows.slots.entries()) {
      batch.put(numberKey(TABLE.registrySlots, before.slots + index), encodeSlot(slot.accountId, slot.key));
      if (pacer.isDue()) await pacer.yield();
    }
  }

  /** Removes the rows behind `mark`. */
  async truncate(batch: LevelBatch, mark: RegistryMark): Promise<void> {
    await this.#removeFrom(batch, TABLE.registryAccounts, mark.accounts);
    await this.#removeFrom(batch, TABLE.registrySlots, mark.slots);
  }

  async #removeFrom(
    batch: LevelBatch,
    table: typeof TABLE.registryAccounts | typeof TABLE.registrySlots,
    id: number,
  ): Promise<void> {
    const { lt } = rangeOf(Uint8Array.of(table));
    for await (const key of this.#database.keys({ gte: numberKey(table, id), lt })) batch.del(key);
  }

  async load(): Promise<RegistryRows> {
    const accounts: Address[] = [];
    for await (const address of this.#database.values(rangeOf(Uint8Array.of(TABLE.registryAccounts)))) accounts.push(address);
    const slots: { accountId: number; key: Hash }[] = [];
    for await (const value of this.#database.values(rangeOf(Uint8Array.of(TABLE.registrySlots)))) {
      slots.push({ accountId: readNumber(value), key: value.subarray(NUMBER_BYTES) });
    }
    return { accounts, slots };
  }
}

function encodeSlot(accountId: number, key: Hash): Bytes {
  const id = new Uint8Array(NUMBER_BYTES);
  writeNumber(id, accountId, 0);
  return concatBytes(id, key);
}
