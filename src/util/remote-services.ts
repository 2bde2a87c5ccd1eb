import { invariant, StrobeError } from './errors.ts';

// biome-ignore lint/suspicious/noExplicitAny: any function is meant, and `never` arguments would not be inferred back.
type AnyFunction = (...args: any[]) => unknown;

/** The functions of an object that lives in another thread: all of them asynchronous there, with plain data in and out. */
export type Remote<Service> = {
  readonly [K in keyof Service]: Service[K] extends (...args: infer A) => infer R ? (...args: A) => Promise<Awaited<R>> : never;
};

/** Asks the other thread. */
export type InvokeService = (service: string, method: string, args: readonly unknown[]) => Promise<unknown>;

/** Runs what {@link remoteServices} asks for in the thread of the services. */
export function invokeService(services: object, service: string, method: string, args: readonly unknown[]): unknown {
  const target = (services as Record<string, Record<string, AnyFunction> | undefined>)[service];
  const implementation = target?.[method];
  invariant(typeof implementation === 'function', `the other thread asked for ${service}.${method}, which does not exist`);
  return implementation.apply(target, [...args]);
}

/**
 * Services of another thread under their own types. Calls of one turn keep their order.
 * @param maxInFlight most calls of one service that wait for their answers; beyond it they are refused with THREAD_BUSY, so
 * that a flood of requests costs bounded memory and does not keep the other thread busy for seconds
 */
export function remoteServices<All extends object>(
  invoke: InvokeService,
  maxInFlight: { readonly [K in keyof All]: number },
): { readonly [K in keyof All]: Remote<All[K]> } {
  const remotes = Object.entries<number>(maxInFlight).map(([name, bound]) => [name, remoteService(invoke, name, bound)]);
  return Object.fromEntries(remotes);
}

function remoteService(invoke: InvokeService, service: string, maxInFlight: number): object {
  let inFlight = 0;
  const call = (method: string, args: readonly unknown[]): Promise<unknown> => {
    if (inFlight >= maxInFlight) {
      return Promise.reject(new StrobeError('THREAD_BUSY', 'too many requests are waiting', { service, maxInFlight }));
    }
    inFlight++;
    return invoke(service, method, args).finally(() => inFlight--);
  };
  return new Proxy(
    {},
    {
      get: (_, method) =>
        // A promise that resolves with a remote asks whether that is a promise, too.
        typeof method === 'string' && method !== 'then' ? (...args: unknown[]) => call(method, args) : undefined,
    },
  );
}
