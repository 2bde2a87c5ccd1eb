import type { AccessListEntry } from '../../protocol/transaction.ts';
import { fromKey, toKey } from '../../util/bytes.ts';
import type { Machine } from './machine.ts';
import type { MessageResult } from './message-call.ts';

/**
 * A list changes the gas, and a contract may go by its gas: then another round finds more. Two are enough for nearly
 * every call, and one that is never satisfied gets a list that is incomplete, which costs gas but breaks nothing.
 */
const MAX_ROUNDS = 8;

export interface AccessListResult {
  readonly accessList: readonly AccessListEntry[];
  /** Of the run with this list. */
  readonly result: MessageResult;
}

/** Slot keys by address, all in hex without prefix. */
type Touched = Map<string, Set<string>>;

/**
 * Runs a message with the list that its last run asked for until that asks for nothing more, as geth does.
 * @param given the list to begin with
 * @param run the message on a fresh view of the state with an access list
 */
export async function searchAccessList(
  machine: Machine,
  given: readonly AccessListEntry[],
  run: (accessList: readonly AccessListEntry[]) => Promise<MessageResult>,
): Promise<AccessListResult> {
  const listed: Touched = new Map();
  for (const { address, storageKeys } of given) add(listed, toKey(address), storageKeys.map(toKey));
  for (let round = 1; ; round++) {
    const accessList = toEntries(listed);
    const { result, cold } = await recordCold(machine, () => run(accessList));
    const before = sizeOf(listed);
    for (const [address, slots] of cold) add(listed, address, slots);
    if (sizeOf(listed) === before || round === MAX_ROUNDS) return { accessList, result };
  }
}

/** Runs and tells what was cold when it was first touched, reverted calls included. */
async function recordCold(machine: Machine, run: () => Promise<MessageResult>) {
  const { journal } = machine.evm;
  journal.startReportingAccessList();
  try {
    const result = await run();
    const cold: Touched = new Map(journal.accessList);
    for (const address of result.execution.createdAddresses ?? []) {
      // Warm by its creation: listing it saves nothing unless its slots are listed.
      const key = address.slice(2);
      if (cold.get(key)?.size === 0) cold.delete(key);
    }
    return { result, cold };
  } finally {
    delete journal.accessList;
  }
}

function add(touched: Touched, address: string, slots: Iterable<string>): void {
  touched.set(address, new Set([...(touched.get(address) ?? []), ...slots]));
}

function sizeOf(touched: Touched): number {
  let size = touched.size;
  for (const slots of touched.values()) size += slots.size;
  return size;
}

function toEntries(touched: Touched): AccessListEntry[] {
  return [...touched].map(([address, slots]) => ({ address: fromKey(address), storageKeys: [...slots].map(fromKey) }));
}
