import type { ListedTransaction } from '../../protocol/ports/pool.ts';
import type { Address } from '../../protocol/primitives.ts';
import { quantity } from '../../util/quantity.ts';
import { checksumAddress } from '../checksum-address.ts';
import { formatPooledTransaction } from '../format-transaction.ts';
import { readAddress } from '../read-params.ts';
import { noParams, type RpcMethod, type RpcModules } from '../rpc-method.ts';

// The pool as geth shows it: `pending` can be executed, `queued` waits behind a nonce gap.

export const txpoolStatus: RpcMethod<undefined> = {
  name: 'txpool_status',
  maxParams: 0,
  parse: noParams,
  handle: async (_, { backend }) => {
    const { pending, queued } = await backend.pool.counts();
    return { pending: quantity(pending), queued: quantity(queued) };
  },
};

/** Transaction objects by sender and nonce. */
export const txpoolContent: RpcMethod<undefined> = {
  name: 'txpool_content',
  maxParams: 0,
  parse: noParams,
  handle: async (_, modules) => bySender(await listed(modules), formatListed),
};

/** Transaction objects of one sender by nonce. */
export const txpoolContentFrom: RpcMethod<{ sender: Address }> = {
  name: 'txpool_contentFrom',
  maxParams: 1,
  parse: ([address]) => ({ sender: readAddress(address, 'address') }),
  handle: async ({ sender }, modules) => {
    const transactions = await listed(modules, sender);
    return {
      pending: byNonce(
        transactions.filter(({ isQueued }) => !isQueued),
        formatListed,
      ),
      queued: byNonce(
        transactions.filter(({ isQueued }) => isQueued),
        formatListed,
      ),
    };
  },
};

/** One line of text for each transaction. */
export const txpoolInspect: RpcMethod<undefined> = {
  name: 'txpool_inspect',
  maxParams: 0,
  parse: noParams,
  handle: async (_, modules) => bySender(await listed(modules), summarise),
};

function listed({ backend, limits }: RpcModules, sender?: Address): Promise<readonly ListedTransaction[]> {
  return backend.pool.list(limits.maxPoolTransactions, sender);
}

type Format = (listed: ListedTransaction) => unknown;
type ByNonce = Readonly<Record<string, unknown>>;

function bySender(transactions: readonly ListedTransaction[], format: Format) {
  const part = (isQueued: boolean): Readonly<Record<string, ByNonce>> => {
    const chosen = transactions.filter((candidate) => candidate.isQueued === isQueued);
    const groups = Map.groupBy(chosen, ({ sender }) => checksumAddress(sender));
    return Object.fromEntries([...groups].map(([sender, group]) => [sender, byNonce(group, format)]));
  };
  return { pending: part(false), queued: part(true) };
}

/** Nonces are decimal, and objects list such keys in ascending order. */
function byNonce(transactions: readonly ListedTransaction[], format: Format): ByNonce {
  return Object.fromEntries(transactions.map((candidate) => [String(candidate.transaction.nonce), format(candidate)]));
}

function formatListed({ transaction, sender }: ListedTransaction): unknown {
  return formatPooledTransaction(transaction, sender);
}

/** Geth's wording. */
function summarise({ transaction: { to, value, gasLimit, maxFeePerGas } }: ListedTransaction): string {
  const receiver = to === undefined ? 'contract creation' : checksumAddress(to);
  return `${receiver}: ${value} wei + ${gasLimit} gas × ${maxFeePerGas} wei`;
}
