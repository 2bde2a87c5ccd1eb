import { decodeHeader, hashHeader } from '../../protocol/block-header.ts';
import { asList, decodeRlp, encodeRlp } from '../../protocol/rlp.ts';
import { type Bytes, toHex } from '../../util/bytes.ts';
import { isStrobeError } from '../../util/errors.ts';
import { type BlockParam, readBlockNumberParam } from '../block-param.ts';
import { JsonText } from '../json-text.ts';
import { readData, readHash } from '../read-params.ts';
import { readTraceConfig, type TraceParams, traceLimits } from '../read-trace.ts';
import type { RpcCaller } from '../rpc-caller.ts';
import { invalidParams } from '../rpc-error.ts';
import type { RpcMethod, RpcModules } from '../rpc-method.ts';
import { traced, traceTargetAt } from '../trace-target.ts';

interface TraceBlockParams extends TraceParams {
  readonly block: BlockParam;
}

/** Every transaction of a block executed again while a tracer looks on; `pending` is the open block. */
export const debugTraceBlockByNumber: RpcMethod<TraceBlockParams> = {
  name: 'debug_traceBlockByNumber',
  maxParams: 2,
  parse: ([block, config]) => ({ block: readBlockNumberParam(block), ...readTraceConfig(config) }),
  handle: traceBlock,
};

export const debugTraceBlockByHash: RpcMethod<TraceBlockParams> = {
  name: 'debug_traceBlockByHash',
  maxParams: 2,
  parse: ([hash, config]) => ({ block: { kind: 'hash', hash: readHash(hash, 'hash') }, ...readTraceConfig(config) }),
  handle: traceBlock,
};

/** A block of this chain in RLP, as debug_getRawBlock gives it: its hash names what is traced. */
export const debugTraceBlock: RpcMethod<TraceBlockParams> = {
  name: 'debug_traceBlock',
  maxParams: 2,
  parse: ([raw, config]) => ({ block: readRawBlock(readData(raw, 'block')), ...readTraceConfig(config) }),
  handle: traceBlock,
};

function traceBlock(
  { block, ...params }: TraceBlockParams,
  { backend, limits, executions }: RpcModules,
  { client }: RpcCaller,
): Promise<JsonText> {
  return executions.run(client, async () => {
    const target = await traceTargetAt(block, backend);
    const allowed = traceLimits(params, limits);
    const results = await traced(target.env, () => backend.tracer.traceBlock(target, params.tracer, allowed));
    const entries = target.transactions.map(
      ({ transaction }, i) => `{"txHash":"${toHex(transaction.hash)}","result":${results[i]}}`,
    );
    return new JsonText(`[${entries.join(',')}]`);
  });
}

function readRawBlock(raw: Bytes): BlockParam {
  try {
    const [header] = asList(decodeRlp(raw), 'block');
    return { kind: 'hash', hash: hashHeader(decodeHeader(encodeRlp(asList(header, 'header')))) };
  } catch (error) {
    if (!isStrobeError(error)) throw error;
    throw invalidParams('block', `could not decode block: ${error.message}`);
  }
}
