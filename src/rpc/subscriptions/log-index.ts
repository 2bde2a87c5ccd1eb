import type { KeyedLog, LogCriteria } from '../log-criteria.ts';
import { LogMatcher } from '../log-criteria.ts';

interface Entry<Owner> {
  readonly matcher: LogMatcher;
  readonly owner: Owner;
}

type Buckets<Owner> = Map<string, Set<Entry<Owner>>>;

/** Topics of a log, EVM. */
const MAX_TOPICS = 4;

/**
 * Finds whose criteria a log meets without asking everyone: each is filed under the value that tells it from others best,
 * the last topic that it names (an argument such as the recipient), else its addresses, else its first topic, the event.
 */
export class LogIndex<Owner> {
  readonly #byAddress: Buckets<Owner> = new Map();
  readonly #byTopic: readonly Buckets<Owner>[] = Array.from({ length: MAX_TOPICS }, () => new Map());
  readonly #others = new Set<Entry<Owner>>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(criteria: Pick<LogCriteria, 'addresses' | 'topics'>, owner: Owner): () => void {
    const matcher = new LogMatcher(criteria);
    const entry = { matcher, owner };
    const { buckets, keys } = this.#placeOf(matcher);
    for (const key of keys) fileUnder(buckets, key, entry);
    if (buckets === undefined) this.#others.add(entry);
    this.#size++;
    return () => {
      for (const key of keys) removeFrom(buckets, key, entry);
      this.#others.delete(entry);
      this.#size--;
    };
  }

  /** Each owner whose criteria the log meets, once per criteria. */
  *matching(log: KeyedLog): Iterable<Owner> {
    for (const entries of this.#candidates(log)) {
      if (entries === undefined) continue;
      for (const { matcher, owner } of entries) if (matcher.matches(log)) yield owner;
    }
  }

  *#candidates({ addressKey, topicKeys }: KeyedLog): Iterable<ReadonlySet<Entry<Owner>> | undefined> {
    yield this.#others;
    yield this.#byAddress.get(addressKey);
    for (let position = 0; position < topicKeys.length; position++)
      yield this.#byTopic[position]?.get(topicKeys[position] as string);
  }

  #placeOf({ addresses, topics }: LogMatcher): { buckets: Buckets<Owner> | undefined; keys: readonly string[] } {
    const position = topics.findLastIndex((alternatives) => alternatives !== undefined);
    if (position > 0 || (position === 0 && addresses === undefined))
      return { buckets: this.#byTopic[position], keys: [...(topics[position] ?? [])] };
    return addresses === undefined ? { buckets: undefined, keys: [] } : { buckets: this.#byAddress, keys: [...addresses] };
  }
}

function fileUnder<Owner>(buckets: Buckets<Owner> | undefined, key: string, entry: Entry<Owner>): void {
  const entries = buckets?.get(key);
  if (entries === undefined) buckets?.set(key, new Set([entry]));
  else entries.add(entry);
}

function removeFrom<Owner>(buckets: Buckets<Owner> | undefined, key: string, entry: Entry<Owner>): void {
  const entries = buckets?.get(key);
  entries?.delete(entry);
  if (entries?.size === 0) buckets?.delete(key);
}
