import type { EVM, EVMResult, Log as LibraryLog, Message } from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import type { SimulatedLog } from '../../protocol/ports/simulation.ts';
import { ZERO_ADDRESS } from '../../protocol/primitives.ts';
import type { Log } from '../../protocol/receipt.ts';
import { bigIntToBytes32, fromHex, fromText, padTo32 } from '../../util/bytes.ts';
import { keccak256 } from '../../util/keccak.ts';
import type { OpcodeEntry, OperationHandler, RunState } from './interpreter-types.ts';

/** What stands for ether where tokens have their contract's address (ERC-7528). */
const ETHER_ADDRESS = fromHex('0xeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee');
const TRANSFER_TOPIC = keccak256(fromText('Transfer(address,address,uint256)'));

const LOG0 = 0xa0;
const LOG4 = 0xa4;
const SELFDESTRUCT = 0xff;

/** Where ether went; `to` of a creation is known only when it has begun. */
interface Transfer {
  readonly from: Address;
  readonly message: { readonly to?: Address };
  readonly value: bigint;
}

interface Entry {
  readonly index: number;
  readonly event: LibraryLog | Transfer;
}

/**
 * Collects the logs of simulated transactions, those of frames that fail apart, after geth's log tracer. With transfers
 * every movement of ether is among them, in the order in which they happened: values of calls and creations, and what is
 * left at a SELFDESTRUCT. As in geth each has a number in its block, and those that were dropped keep theirs.
 */
export class LogTracer {
  #tracesTransfers = false;
  #count = 0;
  /** Of the call frames that are open: what they and those in them that succeeded logged. */
  #frames: Entry[][] = [];
  #logs: Entry[] = [];

  beginBlock(tracesTransfers: boolean): void {
    this.#tracesTransfers = tracesTransfers;
    this.#count = 0;
  }

  beginTransaction(): void {
    this.#frames = [];
    this.#logs = [];
  }

  /** Of the transaction that ended. */
  takeLogs(): SimulatedLog[] {
    return this.#logs.map(({ index, event }) => ({ index, ...toLog(event) }));
  }

  /** Follows an EVM. @returns the opcode table that it is to use */
  listen(evm: EVM, table: readonly OpcodeEntry[]): OpcodeEntry[] {
    evm.events.on('beforeMessage', (message) => this.#enter(message));
    evm.events.on('afterMessage', (result) => this.#leave(result));
    return table.map((entry, opcode) => {
      if (opcode >= LOG0 && opcode <= LOG4) return { ...entry, opHandler: this.#afterLog(entry.opHandler) };
      return opcode === SELFDESTRUCT ? { ...entry, opHandler: this.#beforeSelfDestruct(entry.opHandler) } : entry;
    });
  }

  #enter(message: Message): void {
    this.#frames.push([]);
    if (message.delegatecall || isCallCode(message)) return;
    this.#addTransfer({ from: message.caller, message, value: message.value });
  }

  #leave({ execResult }: EVMResult): void {
    const frame = this.#frames.pop();
    if (frame === undefined || execResult.exceptionError !== undefined) return;
    (this.#frames.at(-1) ?? this.#logs).push(...frame);
  }

  #afterLog(log: OperationHandler): OperationHandler {
    return (runState, common) => {
      log(runState, common);
      this.#add(runState.interpreter._result.logs.at(-1) as LibraryLog);
    };
  }

  #beforeSelfDestruct(selfDestruct: OperationHandler): OperationHandler {
    return (runState, common) => {
      this.#addSelfDestruct(runState);
      return selfDestruct(runState, common);
    };
  }

  #addSelfDestruct({ env, stack }: RunState): void {
    const [beneficiary] = stack.peek(1) as [bigint];
    const to = new Address(bigIntToBytes32(beneficiary).subarray(12));
    this.#addTransfer({ from: env.address, message: { to }, value: env.contract.balance });
  }

  #addTransfer(transfer: Transfer): void {
    if (this.#tracesTransfers && transfer.value > 0n) this.#add(transfer);
  }

  #add(event: LibraryLog | Transfer): void {
    this.#frames.at(-1)?.push({ index: this.#count++, event });
  }
}

/** The value stays with the caller. Creations have no code address, and asking for it throws. */
function isCallCode(message: Message): boolean {
  return message.to !== undefined && !message.codeAddress.equals(message.to);
}

function toLog(event: LibraryLog | Transfer): Log {
  if (Array.isArray(event)) {
    const [address, topics, data] = event;
    return { address, topics, data };
  }
  const { from, message, value } = event;
  const parties = [from.bytes, message.to?.bytes ?? ZERO_ADDRESS];
  return { address: ETHER_ADDRESS, topics: [TRANSFER_TOPIC, ...parties.map(padTo32)], data: bigIntToBytes32(value) };
}
