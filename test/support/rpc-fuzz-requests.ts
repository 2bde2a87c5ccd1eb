import { METHODS } from '../../src/rpc/method-table.ts';
import type { Words } from './rpc-vocabulary.ts';

type Template = (words: Words) => unknown[];

const onBlockNumber: Template = (w) => [w.number(), w.once(2)];
const onBlockHash: Template = (w) => [w.blockHash(), w.once(2)];
const atIndex =
  (first: (w: Words) => unknown): Template =>
  (w) => [first(w), w.oneOf(['0x0', '0x1', w.quantity()])];
const onCall: Template = (w) => [w.call(), w.block(), w.once(2) ? w.overrides() : null].slice(0, 1 + w.random.below(3));
const tracerOptions = (w: Words): object =>
  w.oneOf<object>([
    { tracer: 'callTracer', tracerConfig: { withLog: true, onlyTopCall: w.once(2) } },
    { tracer: 'prestateTracer', tracerConfig: { diffMode: w.once(2) } },
    { tracer: '4byteTracer' },
    { enableMemory: true, disableStack: w.once(2), limit: 10 },
    { tracer: 'unknownTracer', timeout: '10ms' },
  ]);

/** Valid parameters of each method; a method that is not here gets some of another one. */
const TEMPLATES: Readonly<Record<string, Template>> = {
  web3_sha3: (w) => [w.hex(w.random.below(50))],
  eth_feeHistory: (w) => [w.oneOf(['0x1', '0x4', 5, w.quantity()]), w.number(), w.oneOf([[], [10, 50.5, 90], null])],
  eth_getBalance: (w) => [w.address(), w.block()],
  eth_getCode: (w) => [w.address(), w.block()],
  eth_getTransactionCount: (w) => [w.address(), w.block()],
  eth_getStorageAt: (w) => [w.address(), w.slot(), w.block()],
  eth_getStorageValues: (w) => [{ [w.address()]: [w.hex(32)] }, w.block()],
  eth_getProof: (w) => [w.address(), [w.slot(), w.slot()], w.block()],
  eth_call: onCall,
  eth_estimateGas: onCall,
  eth_createAccessList: onCall,
  eth_callAfter: (w) => [w.call(), { account: w.address(), nonce: w.oneOf(['0x0', '0x1', '0xff']), timeout: 5 }],
  eth_simulateV1: (w) => [
    {
      blockStateCalls: [{ blockOverrides: w.blockOverrides(), stateOverrides: w.overrides(), calls: [w.call(), w.call()] }],
      ...{ validation: w.once(2), traceTransfers: w.once(2), returnFullTransactions: w.once(2) },
    },
    w.number(),
  ],
  eth_sendRawTransaction: (w) => [w.raw()],
  eth_sendRawTransactionSync: (w) => [w.raw(), w.oneOf([1, '0x1', null])],
  realtime_sendRawTransaction: (w) => [w.raw()],
  eth_getBlockByHash: onBlockHash,
  eth_getBlockByNumber: onBlockNumber,
  eth_getBlockTransactionCountByHash: (w) => [w.blockHash()],
  eth_getBlockTransactionCountByNumber: (w) => [w.number()],
  eth_getUncleCountByBlockHash: (w) => [w.blockHash()],
  eth_getUncleCountByBlockNumber: (w) => [w.number()],
  eth_getUncleByBlockHashAndIndex: atIndex((w) => w.blockHash()),
  eth_getUncleByBlockNumberAndIndex: atIndex((w) => w.number()),
  eth_getBlockReceipts: (w) => [w.block()],
  eth_getTransactionByHash: (w) => [w.transactionHash()],
  eth_getTransactionByBlockHashAndIndex: atIndex((w) => w.blockHash()),
  eth_getTransactionByBlockNumberAndIndex: atIndex((w) => w.number()),
  eth_getTransactionReceipt: (w) => [w.transactionHash()],
  eth_getLogs: (w) => [w.filter()],
  eth_getLogsWithCursor: (w) => [{ ...w.filter(), ...(w.once(2) ? { cursor: w.hex(20) } : {}) }],
  eth_newFilter: (w) => [w.filter()],
  eth_getFilterChanges: (w) => [w.id()],
  eth_getFilterLogs: (w) => [w.id()],
  eth_uninstallFilter: (w) => [w.id()],
  eth_subscribe: (w) => [
    w.oneOf([
      'newHeads',
      'logs',
      'newPendingTransactions',
      'syncing',
      'miniBlocks',
      'blockStatus',
      'stateChanges',
      'shreds',
      'pendingLogs',
    ]),
    w.oneOf([undefined, null, true, w.filter(), [w.address()], { hashesOnly: true }, { resumeFrom: 1 }]),
  ],
  eth_unsubscribe: (w) => [w.id()],
  debug_traceTransaction: (w) => [w.transactionHash(), tracerOptions(w)],
  debug_traceCall: (w) => [w.call(), w.block(), { ...tracerOptions(w), stateOverrides: w.overrides() }],
  debug_traceBlockByNumber: (w) => [w.number(), tracerOptions(w)],
  debug_traceBlockByHash: (w) => [w.blockHash(), tracerOptions(w)],
  debug_getRawBlock: (w) => [w.block()],
  debug_getRawHeader: (w) => [w.block()],
  debug_getRawReceipts: (w) => [w.block()],
  debug_getRawTransaction: (w) => [w.transactionHash()],
  debug_executionWitness: (w) => [w.block()],
  txpool_contentFrom: (w) => [w.address()],
  strobe_miniBlock: (w) => [w.oneOf([1, '0x1', w.quantity()])],
  strobe_blockStatus: (w) => [w.block()],
  strobe_attestations: (w) => [w.block()],
  strobe_getReceiptProof: (w) => [w.transactionHash()],
};

const NAMES = METHODS.map(({ name }) => name);
const ALL_TEMPLATES = Object.values(TEMPLATES);

/** What stands in place of anything, sometimes. */
const GARBAGE: readonly ((words: Words) => unknown)[] = [
  () => null,
  () => true,
  () => -1,
  () => 1.5,
  () => 1e300,
  () => '',
  () => '0x',
  () => '0X1',
  () => '0x0x',
  () => '0xzz',
  () => '0x123',
  () => '-0x1',
  () => 'latest ',
  () => 'ÿ\u0000\ud800💥',
  () => '__proto__',
  () => 'constructor',
  () => [],
  () => ({}),
  () => [[[[[[]]]]]],
  () => ({ length: 1e9 }),
  () => ({ toString: 1, valueOf: {} }),
  (w) => `0x${'0'.repeat(w.random.below(70))}1`,
  (w) => `0x${'f'.repeat(w.random.below(200))}`,
  (w) => 'x'.repeat(w.random.below(5_000)),
  (w) => w.address(),
  (w) => w.quantity(),
  (w) => w.hex(w.random.below(2_000)),
  (w) => w.block(),
  (w) => w.filter(),
  (w) => w.call(),
  (w) => w.random.nextUint32(),
  (w) => Array.from({ length: w.random.below(50) }, () => w.address()),
  (w) => nested(w.random.below(60)),
];

function nested(depth: number): unknown {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 === 0 ? [value] : { value };
  return value;
}

/** How many places of a request are wrong. */
const MUTATIONS = [0, 0, 0, 0, 1, 1, 1, 2, 3];

/** Parts of a text that are put into another one. */
const SHARDS = [
  '"',
  '{',
  '}',
  '[',
  ']',
  ',',
  ':',
  '\\',
  '\u0000',
  '\ufeff',
  '"__proto__":{},',
  '"id":1,',
  '1e999',
  'null',
  '\\u0000',
  '//',
  'ü',
];

/** A request, valid for the most part, and whether its envelope is: then it has an answer with its id. */
export interface FuzzRequest {
  readonly text: string;
  readonly method: string;
  readonly hasValidEnvelope: boolean;
}

export function fuzzRequest(words: Words, id: number, options: { readonly mayBeDamaged: boolean }): FuzzRequest {
  const method = words.oneOf(NAMES);
  const template = TEMPLATES[method] ?? (words.once(4) ? words.oneOf(ALL_TEMPLATES) : () => []);
  let params: unknown = template(words);
  for (let count = words.oneOf(MUTATIONS); count > 0; count--) {
    params = Array.isArray(params) && !words.once(8) ? mutatedArray(params, words) : mutated(params, words);
  }
  const request: Record<string, unknown> = { jsonrpc: '2.0', id, method, params };
  if (options.mayBeDamaged && words.once(3)) return { ...damaged(request, words), method };
  return { text: JSON.stringify(request), method, hasValidEnvelope: true };
}

/** Changes one place in a value. */
function mutated(value: unknown, words: Words): unknown {
  if (words.once(4)) return words.oneOf(GARBAGE)(words);
  if (typeof value === 'string') return mutatedText(value, words);
  if (Array.isArray(value)) return mutatedArray(value, words);
  if (typeof value === 'object' && value !== null) return mutatedObject(value as Record<string, unknown>, words);
  return words.oneOf(GARBAGE)(words);
}

function mutatedArray(value: readonly unknown[], words: Words): unknown[] {
  const at = words.random.below(value.length);
  const change = words.random.below(12);
  if (value.length === 0 || change === 0) return [...value, words.oneOf(GARBAGE)(words)];
  if (change === 1) return value.toSpliced(at, 1);
  if (change === 2) return [...value, ...value];
  return value.with(at, mutated(value[at], words));
}

function mutatedObject(value: Readonly<Record<string, unknown>>, words: Words): Record<string, unknown> {
  const names = Object.keys(value);
  const name = words.oneOf(names);
  const change = words.random.below(6);
  const others = { ...value };
  if (names.length === 0 || change === 0) {
    const added = words.oneOf(['from', 'to', 'gas', 'data', 'input', 'nonce', 'topics', 'constructor', '0x00', '']);
    return { ...others, [added]: words.oneOf(GARBAGE)(words) };
  }
  if (change === 1) delete others[name];
  else others[name] = mutated(value[name], words);
  return others;
}

function mutatedText(text: string, words: Words): string {
  const at = words.random.below(text.length + 1);
  switch (words.random.below(6)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.toUpperCase();
    case 2:
      return `${text.slice(0, at)}${words.oneOf(['0', 'g', ' ', '\u0000', 'é', '0x'])}${text.slice(at)}`;
    case 3:
      return text.replace('0x', '');
    case 4:
      return `${text}${text.slice(2)}`;
    default:
      return text.slice(0, -1);
  }
}

/** Breaks the envelope or the text of a request. */
function damaged(request: Readonly<Record<string, unknown>>, words: Words): Pick<FuzzRequest, 'text' | 'hasValidEnvelope'> {
  const text = JSON.stringify(words.once(2) ? request : mutatedObject(request, words));
  const at = words.random.below(text.length);
  const broken = words.oneOf([
    () => text,
    () => text.slice(0, at),
    () => `${text.slice(0, at)}${words.oneOf(SHARDS)}${text.slice(at)}`,
    () => `${text.slice(0, at)}${text.slice(at + 1)}`,
    () => `${text}${text}`,
    () => text.replace('{', '{"__proto__":{"method":"eth_chainId"},'),
  ])();
  return { text: broken, hasValidEnvelope: false };
}
