import { debugExecutionWitness } from './methods/debug-execution-witness.ts';
import { debugGetRawBlock, debugGetRawHeader, debugGetRawReceipts, debugGetRawTransaction } from './methods/debug-get-raw.ts';
import { debugTraceBlock, debugTraceBlockByHash, debugTraceBlockByNumber } from './methods/debug-trace-block.ts';
import { debugTraceCall } from './methods/debug-trace-call.ts';
import { debugTraceTransaction } from './methods/debug-trace-transaction.ts';
import { ethAccounts, ethCoinbase } from './methods/eth-accounts.ts';
import { ethBaseFee } from './methods/eth-base-fee.ts';
import { ethBlockNumber } from './methods/eth-block-number.ts';
import { ethCall } from './methods/eth-call.ts';
import { ethCallAfter } from './methods/eth-call-after.ts';
import { ethCapabilities } from './methods/eth-capabilities.ts';
import { ethChainId } from './methods/eth-chain-id.ts';
import { ethConfig } from './methods/eth-config.ts';
import { ethCreateAccessList } from './methods/eth-create-access-list.ts';
import { ethEstimateGas } from './methods/eth-estimate-gas.ts';
import { ethFeeHistory } from './methods/eth-fee-history.ts';
import {
  ethGetFilterChanges,
  ethGetFilterLogs,
  ethNewBlockFilter,
  ethNewFilter,
  ethNewPendingTransactionFilter,
  ethUninstallFilter,
} from './methods/eth-filters.ts';
import { ethBlobBaseFee, ethGasPrice, ethMaxPriorityFeePerGas } from './methods/eth-gas-price.ts';
import { ethGetBalance } from './methods/eth-get-balance.ts';
import { ethGetBlockByHash, ethGetBlockByNumber } from './methods/eth-get-block.ts';
import { ethGetBlockReceipts } from './methods/eth-get-block-receipts.ts';
import {
  ethGetBlockTransactionCountByHash,
  ethGetBlockTransactionCountByNumber,
} from './methods/eth-get-block-transaction-count.ts';
import { ethGetCode } from './methods/eth-get-code.ts';
import { ethGetLogs } from './methods/eth-get-logs.ts';
import { ethGetLogsWithCursor } from './methods/eth-get-logs-with-cursor.ts';
import { ethGetProof } from './methods/eth-get-proof.ts';
import { ethGetStorageAt } from './methods/eth-get-storage-at.ts';
import { ethGetStorageValues } from './methods/eth-get-storage-values.ts';
import {
  ethGetTransactionByBlockHashAndIndex,
  ethGetTransactionByBlockNumberAndIndex,
  ethGetTransactionByHash,
} from './methods/eth-get-transaction.ts';
import { ethGetTransactionCount } from './methods/eth-get-transaction-count.ts';
import { ethGetTransactionReceipt } from './methods/eth-get-transaction-receipt.ts';
import {
  ethGetUncleByBlockHashAndIndex,
  ethGetUncleByBlockNumberAndIndex,
  ethGetUncleCountByBlockHash,
  ethGetUncleCountByBlockNumber,
} from './methods/eth-get-uncle.ts';
import { ethSendRawTransaction } from './methods/eth-send-raw-transaction.ts';
import { ethSendRawTransactionSync, realtimeSendRawTransaction } from './methods/eth-send-raw-transaction-sync.ts';
import { ethSendTransaction, ethSign, ethSignTransaction } from './methods/eth-sign.ts';
import { ethSimulateV1 } from './methods/eth-simulate-v1.ts';
import { ethSubscribe, ethUnsubscribe } from './methods/eth-subscribe.ts';
import { ethSyncing } from './methods/eth-syncing.ts';
import { netListening, netPeerCount, netVersion } from './methods/net.ts';
import {
  strobeAttestations,
  strobeBlockStatus,
  strobeEquivocations,
  strobeMiniBlock,
  strobeNodeInfo,
  strobePeers,
} from './methods/strobe.ts';
import { strobeGetReceiptProof } from './methods/strobe-get-receipt-proof.ts';
import { strobeResources } from './methods/strobe-resources.ts';
import { txpoolContent, txpoolContentFrom, txpoolInspect, txpoolStatus } from './methods/txpool.ts';
import { web3ClientVersion, web3Sha3 } from './methods/web3.ts';
import type { RpcMethod } from './rpc-method.ts';

/** Every method that is served. */
export const METHODS: readonly RpcMethod[] = [
  web3ClientVersion,
  web3Sha3,
  netVersion,
  netListening,
  netPeerCount,
  ethChainId,
  ethConfig,
  ethCapabilities,
  ethSyncing,
  ethAccounts,
  ethCoinbase,
  ethGasPrice,
  ethBaseFee,
  ethMaxPriorityFeePerGas,
  ethBlobBaseFee,
  ethFeeHistory,
  ethBlockNumber,
  ethGetBalance,
  ethGetCode,
  ethGetStorageAt,
  ethGetStorageValues,
  ethGetTransactionCount,
  ethGetProof,
  ethCall,
  ethCallAfter,
  ethEstimateGas,
  ethCreateAccessList,
  ethSimulateV1,
  ethSendTransaction,
  ethSign,
  ethSignTransaction,
  ethSendRawTransaction,
  ethSendRawTransactionSync,
  realtimeSendRawTransaction,
  ethGetBlockByHash,
  ethGetBlockByNumber,
  ethGetBlockTransactionCountByHash,
  ethGetBlockTransactionCountByNumber,
  ethGetUncleCountByBlockHash,
  ethGetUncleCountByBlockNumber,
  ethGetUncleByBlockHashAndIndex,
  ethGetUncleByBlockNumberAndIndex,
  ethGetBlockReceipts,
  ethGetTransactionByHash,
  ethGetTransactionByBlockHashAndIndex,
  ethGetTransactionByBlockNumberAndIndex,
  ethGetTransactionReceipt,
  ethGetLogs,
  ethGetLogsWithCursor,
  ethNewFilter,
  ethNewBlockFilter,
  ethNewPendingTransactionFilter,
  ethGetFilterChanges,
  ethGetFilterLogs,
  ethUninstallFilter,
  ethSubscribe,
  ethUnsubscribe,
  txpoolStatus,
  txpoolContent,
  txpoolContentFrom,
  txpoolInspect,
  debugGetRawHeader,
  debugGetRawBlock,
  debugGetRawReceipts,
  debugGetRawTransaction,
  debugTraceTransaction,
  debugTraceCall,
  debugTraceBlockByNumber,
  debugTraceBlockByHash,
  debugTraceBlock,
  debugExecutionWitness,
  strobeNodeInfo,
  strobePeers,
  strobeMiniBlock,
  strobeBlockStatus,
  strobeAttestations,
  strobeGetReceiptProof,
  strobeEquivocations,
  strobeResources,
];
