import type { EIP1193RequestFn, Transport } from 'viem';
import { StrobeError } from '../util/errors.ts';
import { AttestedHeaders, type NodeRequest } from './attested-headers.ts';
import { isPending } from './block-tags.ts';
import { type Trust, trustOf, type VerifiedTransportOptions } from './options.ts';
import { VERIFIED_METHODS, type VerifiedMethod } from './verified-methods.ts';

export type { VerifiedTransportOptions } from './options.ts';
export type { FailedCheck, VerificationErrorCode } from './verification-error.ts';

/**
 * A viem transport for a node that is not trusted. What it answers to {@link VERIFIED_METHODS} was proven against the
 * header of a block that enough provers attested: `latest` means the newest such block. Other requests are refused, or
 * handed on by `passThrough`.
 *
 * @param inner how the node is reached, such as `http(url)`
 * @throws StrobeError INVALID_OPTIONS; from requests VERIFICATION_FAILED (`meta.check` says what differed), NOT_ATTESTED,
 * NOT_VERIFIABLE, INVALID_PARAMS, INVALID_BLOCK, and what `inner` throws
 */
export function verifiedTransport(inner: Transport, options: VerifiedTransportOptions): Transport<'verified'> {
  const trust = trustOf(options);
  // Shared by all clients of this transport: none of them may be led back to an older block.
  const headers = new AttestedHeaders(trust);
  return (parameters) => {
    const { config, request } = inner(parameters);
    const ask = request as (arguments_: { method: string; params: readonly unknown[] }) => Promise<unknown>;
    const node: NodeRequest = (method, params) => ask({ method, params });
    const verified = (async ({ method, params }) =>
      answer(method, asList(params), { trust, headers, request: node })) as EIP1193RequestFn;
    return { config: { ...config, key: 'verified', name: 'Verified', type: 'verified', request: verified }, request: verified };
  };
}

interface AnswerContext {
  readonly trust: Trust;
  readonly headers: AttestedHeaders;
  readonly request: NodeRequest;
}

function answer(method: string, params: readonly unknown[], context: AnswerContext): Promise<unknown> {
  const verify = Object.hasOwn(VERIFIED_METHODS, method) ? VERIFIED_METHODS[method] : undefined;
  // The open block and the pool are in no header.
  if (verify !== undefined && !params.some(isPending)) return verify(params, context);
  return handOn(method, params, verify, context);
}

async function handOn(
  method: string,
  params: readonly unknown[],
  verify: VerifiedMethod | undefined,
  { trust, request }: AnswerContext,
): Promise<unknown> {
  if (trust.passesThrough(method)) return request(method, params);
  const what = verify === undefined ? method : `${method} of the pending block`;
  throw new StrobeError('NOT_VERIFIABLE', `${what} can not be verified: allow it with passThrough`, { method });
}

function asList(params: unknown): readonly unknown[] {
  return Array.isArray(params) ? params : [];
}
