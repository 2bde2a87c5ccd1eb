import type { Hex } from '../../src/util/bytes.ts';
import { StrobeError } from '../../src/util/errors.ts';

interface Answer {
  readonly id: number;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

/** Longer than any wait of the server: a synchronous send may take 30 s. */
const REQUEST_TIMEOUT_MS = 35_000;

/** One JSON-RPC call over HTTP. @throws StrobeError RPC_ERROR with the server's code and message */
export async function rpc<Result = unknown>(url: string, method: string, params: readonly unknown[] = []): Promise<Result> {
  const answer = (await post(url, { jsonrpc: '2.0', id: 1, method, params })) as Answer;
  return resultOf(answer, method) as Result;
}

/** Many calls of one method as one batch; results in the order of `calls`. */
export async function rpcBatch<Result>(url: string, method: string, calls: readonly (readonly unknown[])[]): Promise<Result[]> {
  if (calls.length === 0) return [];
  const body = calls.map((params, id) => ({ jsonrpc: '2.0', id, method, params }));
  const answers = (await post(url, body)) as Answer[];
  const byId = new Map(answers.map((answer) => [answer.id, answer]));
  return body.map(({ id }) => resultOf(byId.get(id), method) as Result);
}

async function post(url: string, body: unknown): Promise<unknown> {
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
  });
  return answer.json();
}

function resultOf(answer: Answer | undefined, method: string): unknown {
  if (answer === undefined) throw new StrobeError('RPC_ERROR', `${method}: no answer`);
  if (answer.error === undefined) return answer.result;
  const { code, message } = answer.error;
  throw new StrobeError('RPC_ERROR', `${method}: ${code} ${message}`, { code });
}

export interface RpcReceiptJson {
  readonly transactionHash: Hex;
  readonly blockHash: Hex;
  readonly blockNumber: Hex;
  readonly status: Hex;
  readonly gasUsed: Hex;
  readonly contractAddress: Hex | null;
  readonly logs: readonly object[];
}

/** What strobe_nodeInfo says on any role; replicas add the part behind `state`. */
export interface NodeInfoJson {
  readonly role: string;
  readonly head: { readonly number: Hex; readonly hash: Hex };
  readonly epoch: number;
  readonly miniBlock: number;
  readonly safe: Hex | null;
  readonly finalized: Hex | null;
  readonly peerCount: Hex;
  readonly state: string;
  readonly isReady?: boolean;
  readonly reason?: string | null;
  readonly excludedProvers?: readonly Hex[];
}

export const nodeInfo = (url: string): Promise<NodeInfoJson> => rpc<NodeInfoJson>(url, 'strobe_nodeInfo');
