import { StrobeError } from '../util/errors.ts';
import type { RpcMethod } from './rpc-method.ts';

export interface MethodSelectionOptions {
  /** Namespaces (`eth`) and methods (`eth_call`) that are served; empty: all. geth's `--http.api`. */
  readonly api: readonly string[];
  /** Namespaces and methods that are not, whatever `api` says. */
  readonly deniedMethods: readonly string[];
}

/**
 * The methods that this server offers; the others do not exist for its clients.
 * @throws StrobeError UNKNOWN_RPC_METHOD for a name that stands for nothing, which is a slip of the pen
 */
export function selectMethods(
  methods: readonly RpcMethod[],
  { api, deniedMethods }: MethodSelectionOptions,
): readonly RpcMethod[] {
  for (const name of [...api, ...deniedMethods]) {
    if (methods.some((method) => isMeant(method, name))) continue;
    throw new StrobeError('UNKNOWN_RPC_METHOD', `there is no JSON-RPC namespace or method ${name}`, { name });
  }
  return methods.filter(
    (method) =>
      (api.length === 0 || api.some((name) => isMeant(method, name))) && !deniedMethods.some((name) => isMeant(method, name)),
  );
}

function isMeant({ name }: RpcMethod, wanted: string): boolean {
  return name === wanted || name.slice(0, name.indexOf('_')) === wanted;
}
