import { readLogCriteria } from '../log-criteria.ts';
import { invalidParams } from '../rpc-error.ts';
import { noParams, type RpcMethod } from '../rpc-method.ts';
import { findLogs } from './eth-get-logs.ts';

export const ethNewFilter: RpcMethod<{ filter: unknown }> = {
  name: 'eth_newFilter',
  maxParams: 1,
  parse: ([filter]) => ({ filter }),
  handle: ({ filter }, { filters, limits }) => filters.addLogFilter(readLogCriteria(filter, limits)),
};

export const ethNewBlockFilter: RpcMethod<undefined> = {
  name: 'eth_newBlockFilter',
  maxParams: 0,
  parse: noParams,
  handle: (_, { filters }) => filters.addBlockFilter(),
};

export const ethNewPendingTransactionFilter: RpcMethod<undefined> = {
  name: 'eth_newPendingTransactionFilter',
  maxParams: 0,
  parse: noParams,
  handle: (_, { filters }) => filters.addPendingFilter(),
};

export const ethGetFilterChanges: RpcMethod<{ id: string }> = {
  name: 'eth_getFilterChanges',
  maxParams: 1,
  parse: ([id]) => ({ id: readFilterId(id) }),
  handle: ({ id }, { filters }) => filters.changes(id),
};

/** Every log that the filter asks for, whatever was polled before. */
export const ethGetFilterLogs: RpcMethod<{ id: string }> = {
  name: 'eth_getFilterLogs',
  maxParams: 1,
  parse: ([id]) => ({ id: readFilterId(id) }),
  handle: ({ id }, modules) => findLogs(modules.filters.criteriaOf(id), modules),
};

export const ethUninstallFilter: RpcMethod<{ id: string }> = {
  name: 'eth_uninstallFilter',
  maxParams: 1,
  parse: ([id]) => ({ id: readFilterId(id) }),
  handle: ({ id }, { filters }) => filters.remove(id),
};

function readFilterId(value: unknown): string {
  if (typeof value === 'string') return value;
  throw invalidParams('filter id', 'expected the id that the filter was installed under');
}
