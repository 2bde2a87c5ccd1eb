import { z } from 'zod';

const MIB = 1024 * 1024;
const count = (least: number, standard: number, help: string) => z.int().min(least).default(standard).describe(help);

/** Every bound of the JSON-RPC server; the reason stands above its default. */
export const rpcLimitsSchema = z.strictObject({
  // geth's bound: a batch of 1,000 ordinary transactions is half a MiB, a contract's init code 48 KiB.
  maxBodyBytes: count(1_024, 5 * MIB, 'largest request body or WebSocket message, in bytes'),
  // geth's bound; one batch holds the event loop only in slices, but its answers are held whole.
  maxBatchItems: count(1, 1_000, 'most requests in a batch'),
  // serde_json's bound. Requests are some ten levels deep; V8 takes half a second for 5 MiB of brackets.
  maxJsonDepth: count(8, 128, 'deepest nesting of arrays and objects in a request'),
  // Node's own default; clients send a few hundred bytes, and cookies of a reverse proxy's domain a few thousand.
  maxHeaderBytes: count(1_024, 16 * 1024, 'longest request line and headers together, in bytes'),
  // The OpenRPC fixtures' longest answers are 32 MiB; traces will be longer. Beyond this the string itself hurts.
  maxResponseBytes: count(1_024, 150 * MIB, 'largest answer, in characters'),
  // Sockets of both kinds: well under the usual limit of 1,024 open files with room for the store and peers.
  maxConnections: count(1, 800, 'most open connections, HTTP and WebSocket together'),
  // A browser keeps 6 open to a host; an office behind one address some dozens.
  maxConnectionsPerClient: count(1, 100, 'most open connections from one address (IPv6: one /64)'),
  // Half of those.
  maxWebSocketsPerClient: count(1, 50, 'most open WebSocket connections from one address (IPv6: one /64)'),
  // 500 simple calls, 100 eth_calls or 10 traces a second: many times what a wallet or a dApp's page asks for.
  ratePerSecond: count(1, 500, 'cost units that an address may use in a second; a simple call costs 1'),
  // Loading a page: ten seconds' worth at once.
  rateBurst: count(1, 5_000, 'cost units that an address may save up'),
  // Some 300 bytes each; beyond it the one that was quiet longest is forgotten, with what it had used up.
  maxClients: count(1_024, 10_000, 'most addresses whose use is remembered'),
  // Fifty of the longest requests at a time. An address has a quarter of it.
  maxHeldRequestBytes: count(1_024, 256 * MIB, 'bytes of all requests that are received or being answered'),
  // Three of the longest answers at a time. An address has a third of it.
  maxHeldAnswerBytes: count(1_024, 450 * MIB, 'characters of all answers that are being made or waiting for their reader'),
  // Each may hold a queue of maxSubscriberQueueBytes; maxTotalQueueBytes bounds their sum.
  maxWebSockets: count(1, 500, 'most open WebSocket connections'),
  // A wallet needs 3, an indexer a few dozen.
  maxSubscriptionsPerConnection: count(1, 100, 'most subscriptions of one WebSocket connection'),
  // A log event without address is compared with each subscriber that named none.
  maxSubscriptions: count(1, 10_000, 'most subscriptions of all connections'),
  // Each reads mini-blocks as fast as its reader takes them; those that are refused come again.
  maxResumptions: count(1, 100, 'most subscriptions that are catching up at one time'),
  // An hour at 10 ms; who is further behind reads sealed blocks with eth_getLogs faster.
  maxResumeMiniBlocks: count(1, 360_000, 'most mini-blocks that a subscription may be behind to be resumed'),
  // Requests of one socket that are not answered yet; beyond it the socket is not read until answers have gone out.
  maxInFlightPerConnection: count(1, 1_024, 'most unanswered requests of one WebSocket connection'),
  // Browsers cut a message of 5 MiB into 40; each piece may keep the buffer it came in.
  maxMessageFragments: count(1, 1_024, 'most fragments of one WebSocket message'),
  // HTTP/1.1 pipelining, which few clients use: each request holds its place until those before it are answered.
  maxPipelinedRequests: count(1, 64, 'most unanswered requests of one HTTP connection'),
  // About 25,000 logs: what one full block can push in a single turn to a reader that keeps up.
  maxSubscriberQueueBytes: count(1_024, 16 * MIB, 'unsent bytes at which a slow WebSocket reader is dropped'),
  // What slow readers together may cost the node.
  maxTotalQueueBytes: count(1_024, 256 * MIB, 'unsent bytes of all WebSocket readers at which slow ones are dropped'),
  // A peer that vanished without a close is noticed after two of these.
  pingIntervalMs: count(100, 30_000, 'time between WebSocket pings, in ms'),
  // Slow loris: headers are one packet.
  headersTimeoutMs: count(100, 10_000, 'time in which the headers of a request must arrive, in ms'),
  // Slow loris: a request must arrive whole within this time, so the longest one at 175 kB/s.
  requestTimeoutMs: count(100, 30_000, 'time in which a request must arrive, in ms'),
  // Longer than wallets' polling interval of 20 s, so that they keep their connection.
  keepAliveTimeoutMs: count(100, 65_000, 'time an idle HTTP connection is kept, in ms'),
  // A peer that stops reading its answer holds that answer in our memory; longer than the longest wait of a synchronous send.
  stalledTimeoutMs: count(100, 120_000, 'time after which an HTTP connection on which nothing moves is closed, in ms'),
  // A reader that trickles must not hold an answer for ever.
  answerTimeoutMs: count(100, 30_000, 'time in which an answer must be read, in ms, besides what its length gives'),
  // So the longest answer may take three minutes.
  minAnswerBytesPerSecond: count(1, MIB, 'rate at which a long answer must be read'),
  // EIP-7966 recommends 2 s.
  syncTimeoutMs: count(1, 2_000, 'default wait of eth_sendRawTransactionSync, in ms'),
  // Longer waits are capped: a client that wants more asks for the receipt.
  maxSyncTimeoutMs: count(1, 30_000, 'longest wait of eth_sendRawTransactionSync, in ms'),
  // RPC.md: realtime_sendRawTransaction gives up after 10 s.
  realtimeTimeoutMs: count(1, 10_000, 'wait of realtime_sendRawTransaction, in ms'),
  // Some 300 bytes each; twenty seconds of 2,500 synchronous sends a second.
  maxReceiptWaiters: count(1, 50_000, 'most synchronous sends that wait at one time'),
  // Some hundreds of mini-blocks: a transaction that was sent is in by then, or was never sent.
  callAfterTimeoutMs: count(1, 3_000, 'default wait of eth_callAfter, in ms'),
  // Longer waits are capped, as with synchronous sends; other nodes with this method stop there, too.
  maxCallAfterTimeoutMs: count(1, 60_000, 'longest wait of eth_callAfter, in ms'),
  // The account of each is read in every mini-block: a millisecond of a hundred, if nobody waits for the same one.
  maxNonceWaiters: count(1, 1_000, 'most eth_callAfter that wait at one time'),
  // geth's installation default is unbounded; a polling dApp has one to three.
  maxFilters: count(1, 1_000, 'most installed filters'),
  // geth's time-out.
  filterTtlMs: count(1_000, 5 * 60_000, 'time after which a filter that nobody polls is removed, in ms'),
  // 66 characters each; a filter that is polled every few seconds at 2,000 transactions a second stays below.
  maxFilterQueue: count(1, 20_000, 'most unpolled entries of a filter, which is removed beyond it'),
  // geth's bound on eth_getLogs addresses and on the alternatives of one topic.
  maxLogAlternatives: count(1, 1_000, 'most addresses, and most alternatives of a topic, in a log filter'),
  // Blocks come one a second: nearly three hours. As much as hosted nodes allow.
  maxLogRangeBlocks: count(1, 10_000, 'most blocks of one eth_getLogs'),
  // What hosted nodes allow, in their words; the store counts them.
  maxLogResults: count(1, 10_000, 'most logs that one eth_getLogs answers'),
  // Every block of the range is read whole for its receipts; wallets ask for 5 to 20.
  maxFeeHistoryBlocks: count(1, 128, 'most blocks of one eth_feeHistory'),
  // geth's default.
  maxTraceMs: count(1, 5_000, 'longest trace, whatever its timeout says, in ms'),
  // Each takes a core while it works, some 60 MB of memory from the first time it is needed, and may hold the longest answer.
  executors: count(1, 1, 'threads for traces, simulations, and calls that are not quick'),
  // An indexer's batch of traces; each takes milliseconds, or maxTraceMs at most.
  maxWaitingExecutions: count(0, 256, 'most executions that wait for one of these threads'),
  // Half a mini-block: what others wait for it. A transfer or a swap takes one or two.
  quickCallMs: count(1, 5, 'time after which a call is not quick and begins anew in one of these threads, in ms'),
  // geth's bound: some 5 MB of nodes.
  maxProofKeys: count(1, 1_024, 'most storage keys of one eth_getProof'),
  // geth's bound.
  maxStorageValues: count(1, 1_024, 'most slots of one eth_getStorageValues'),
  // Some 700 bytes each as JSON; a pool that holds more is not read by people, and one sender's part is smaller.
  maxPoolTransactions: count(1, 10_000, 'most transactions of one txpool_content'),
  // geth's bound.
  maxRewardPercentiles: count(1, 100, 'most percentiles of one eth_feeHistory'),
});

export type RpcLimits = Readonly<z.infer<typeof rpcLimitsSchema>>;
/** Limits as they are configured: what is left out has its default. */
export type RpcLimitsInput = z.input<typeof rpcLimitsSchema>;
