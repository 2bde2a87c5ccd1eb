import type { AccountOverride, BlockOverrides } from '../protocol/ports/execution.ts';
import type { StructLoggerSpec, TraceLimits, TracerSpec } from '../protocol/ports/tracing.ts';
import { readGoDuration } from './go-duration.ts';
import type { RpcLimits } from './limits.ts';
import { readBlockOverrides } from './read-block-overrides.ts';
import { readOverrides } from './read-call.ts';
import { isAbsent, type JsonObject, readBoolean, readObject, readOptional, readSafeInteger } from './read-params.ts';
import { invalidParams } from './rpc-error.ts';

/** How to trace, as geth's TraceConfig has it. */
export interface TraceParams {
  readonly tracer: TracerSpec;
  /** What the client allows, ms. */
  readonly timeoutMs: number | undefined;
}

export interface TraceCallParams extends TraceParams {
  readonly overrides: readonly AccountOverride[];
  readonly blockOverrides: BlockOverrides;
  /** Transactions of the block that run before the call; undefined: all of them. */
  readonly txIndex: number | undefined;
}

const TRACERS = ['callTracer', 'prestateTracer', '4byteTracer', 'noopTracer', 'muxTracer'] as const;
/** Every name once. */
const MAX_MUXED = TRACERS.length;
/** What only JavaScript has: an expression instead of a name. */
const JAVASCRIPT = /[{}()=>;\s]/;

/** The parameter of debug_traceTransaction and debug_traceBlock*; fields that are not known are ignored, as geth does. */
export function readTraceConfig(value: unknown, field = 'config'): TraceParams {
  const config = isAbsent(value) ? {} : readObject(value, field);
  const name = config['tracer'];
  return {
    tracer: isAbsent(name) || name === '' ? readStructLogger(config, field) : readTracer(name, config['tracerConfig'], field),
    timeoutMs: readOptional(config['timeout'], `${field}.timeout`, readGoDuration),
  };
}

/** The parameter of debug_traceCall. */
export function readTraceCallConfig(value: unknown, field = 'config'): TraceCallParams {
  const config = isAbsent(value) ? {} : readObject(value, field);
  return {
    ...readTraceConfig(value, field),
    overrides: readOverrides(config['stateOverrides'], `${field}.stateOverrides`),
    blockOverrides: readBlockOverrides(config['blockOverrides'], `${field}.blockOverrides`),
    txIndex: readOptional(config['txIndex'], `${field}.txIndex`, readSafeInteger),
  };
}

/** What one request may take: the client's timeout holds below the node's. */
export function traceLimits({ timeoutMs }: Pick<TraceParams, 'timeoutMs'>, limits: RpcLimits): TraceLimits {
  const { maxTraceMs, maxResponseBytes } = limits;
  return { maxMs: timeoutMs === undefined ? maxTraceMs : Math.min(timeoutMs, maxTraceMs), maxCharacters: maxResponseBytes };
}

function readStructLogger(config: JsonObject, field: string): StructLoggerSpec {
  const flag = (name: string) => readFlag(config, name, field);
  return {
    name: 'structLogger',
    enableMemory: flag('enableMemory'),
    disableStack: flag('disableStack'),
    disableStorage: flag('disableStorage'),
    enableReturnData: flag('enableReturnData'),
    limit: readOptional(config['limit'], `${field}.limit`, readCount) ?? 0,
  };
}

function readTracer(value: unknown, config: unknown, field: string): TracerSpec {
  const name = TRACERS.find((known) => known === value);
  if (name === undefined) throw unknownTracer(value, field);
  const within = `${field}.tracerConfig`;
  const options = isAbsent(config) ? {} : readObject(config, within);
  const flag = (option: string) => readFlag(options, option, within);
  switch (name) {
    case 'callTracer':
      return { name, onlyTopCall: flag('onlyTopCall'), withLog: flag('withLog') };
    case 'prestateTracer': {
      const [diffMode, includeEmpty] = [flag('diffMode'), flag('includeEmpty')];
      if (diffMode && includeEmpty) throw invalidParams(within, 'cannot use diffMode with includeEmpty');
      return { name, diffMode, includeEmpty, disableCode: flag('disableCode'), disableStorage: flag('disableStorage') };
    }
    case 'muxTracer':
      return { name, tracers: readMuxed(options, within) };
    default:
      return { name };
  }
}

/** Tracers by name, each with its configuration; not muxed again. */
function readMuxed(options: JsonObject, field: string): TracerSpec[] {
  const entries = Object.entries(options);
  if (entries.length > MAX_MUXED) throw invalidParams(field, `at most ${MAX_MUXED} tracers`);
  return entries.map(([name, config]) => {
    if (name === 'muxTracer') throw invalidParams(field, 'a muxTracer cannot hold another');
    return readTracer(name, config, `${field}.${name}`);
  });
}

function unknownTracer(value: unknown, field: string) {
  if (typeof value !== 'string') return invalidParams(`${field}.tracer`, 'expected the name of a tracer');
  const known = `expected one of ${TRACERS.join(', ')}`;
  return JAVASCRIPT.test(value)
    ? invalidParams(`${field}.tracer`, `JavaScript tracers are not supported: ${known}`)
    : invalidParams(`${field}.tracer`, `unknown tracer: ${known}`);
}

function readFlag(object: JsonObject, name: string, field: string): boolean {
  return readOptional(object[name], `${field}.${name}`, readBoolean) ?? false;
}

/** A JSON number that counts something. */
function readCount(value: unknown, field: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value;
  throw invalidParams(field, 'expected a whole number');
}
