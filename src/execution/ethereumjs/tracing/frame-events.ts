import { type EVM, EVMError, type EVMResult, type ExecResult } from '@ethereumjs/evm';
import { createdContractAddress } from '../../../protocol/contract-address.ts';
import type { Address } from '../../../protocol/primitives.ts';
import { type Bytes, bigIntToBytes32, concatBytes, EMPTY_BYTES, toKey } from '../../../util/bytes.ts';
import { keccak256 } from '../../../util/keccak.ts';
import { haltMessage, isRevert } from '../geth-errors.ts';
import type { WorldStateManager } from '../world-state-manager.ts';
import { opcodeFacts } from './opcode-table.ts';
import type { TraceFeed } from './trace-feed.ts';
import { readMemory, stackItem, type TracedRunState } from './traced-run-state.ts';
import type { FrameType } from './tracer.ts';

type Message = NonNullable<Parameters<EVM['runCall']>[0]['message']>;

/** Frames inside which no further one can be opened (Yellow Paper, section 9.1). */
const MAX_DEPTH = 1024;
/** EIP-150: gas that a call with value adds for the called. */
const CALL_STIPEND = 2_300n;
const ADDRESS_MASK = (1n << 160n) - 1n;
const CREATE2_PREFIX = Uint8Array.of(0xff);

/** A frame that was opened and not closed yet. */
interface OpenFrame {
  /** Its code ran to its end, so what fails it came after: the price of the created code. */
  isFinished: boolean;
}

/** A call or creation that an opcode asks for. */
interface Attempt {
  readonly type: FrameType;
  /** The opcode's operands, top of the stack first. */
  readonly operands: readonly bigint[];
  /** Gas passed on, without the stipend. */
  readonly gas: bigint;
}

/**
 * Turns what the library does with messages into the frames that geth shows. The library says nothing of the kind of a
 * call, of calls that fail before they begin, and of SELFDESTRUCT, which geth shows as frames: the opcode loop does.
 */
export class FrameEvents {
  readonly #evm: EVM;
  readonly #manager: WorldStateManager;
  readonly #feed: TraceFeed;
  readonly #open: OpenFrame[] = [];
  #attempt: Attempt | undefined;

  constructor(evm: EVM, modules: { readonly manager: WorldStateManager; readonly feed: TraceFeed }) {
    this.#evm = evm;
    this.#manager = modules.manager;
    this.#feed = modules.feed;
    evm.events.on('beforeMessage', (message) => this.#enter(message));
    evm.events.on('afterMessage', (result) => this.#exit(result));
  }

  /** An opcode that calls or creates is about to run; it is paid. */
  announce(runState: TracedRunState, opcode: number): void {
    const { name, pops } = opcodeFacts(opcode);
    const gas = runState.messageGasLimit ?? 0n;
    this.#attempt = { type: name as FrameType, operands: runState.stack.peek(pops), gas };
  }

  /** Behind {@link FrameEvents.announce}: when no frame came of it, tells of one that failed at once. */
  settle(runState: TracedRunState): void {
    const attempt = this.#attempt;
    this.#attempt = undefined;
    const { tracer } = this.#feed;
    if (attempt === undefined || tracer.onEnter === undefined) return;
    const moved = movedBy(attempt);
    const error = refusalOf(runState, moved);
    if (error === undefined) return;
    const depth = runState.env.depth + 1;
    const { to, input } = this.#describe(runState, attempt);
    tracer.onEnter({
      ...{ type: attempt.type, depth, from: runState.env.address.bytes, to, input },
      isPrecompile: this.#isPrecompile(to),
      gas: attempt.gas + (isCreation(attempt.type) || moved === 0n ? 0n : CALL_STIPEND),
      value: attempt.type === 'STATICCALL' ? undefined : attempt.type === 'DELEGATECALL' ? runState.env.callValue : moved,
    });
    tracer.onExit?.({ depth, output: EMPTY_BYTES, gasUsed: 0n, error, isRevert: false });
  }

  /** A SELFDESTRUCT is about to run. */
  selfDestruct(runState: TracedRunState): void {
    const { tracer } = this.#feed;
    const { address, depth } = runState.env;
    const to = toAddress(stackItem(runState, 0));
    const value = this.#manager.world.getAccount(address.bytes)?.balance ?? 0n;
    const frame = { type: 'SELFDESTRUCT', depth: depth + 1, from: address.bytes, to, input: EMPTY_BYTES } as const;
    tracer.onEnter?.({ ...frame, isPrecompile: false, gas: 0n, value });
    tracer.onExit?.({ depth: depth + 1, output: EMPTY_BYTES, gasUsed: 0n, error: undefined, isRevert: false });
  }

  /** The code of the newest frame has run. */
  noteInterpreted({ exceptionError }: ExecResult): void {
    const frame = this.#open.at(-1);
    if (frame !== undefined) frame.isFinished = exceptionError === undefined;
  }

  #enter(message: Message): void {
    if (message.depth === 0) {
      this.#open.length = 0;
      this.#attempt = undefined;
    }
    const type = this.#attempt?.type ?? (message.to === undefined ? 'CREATE' : 'CALL');
    this.#attempt = undefined;
    this.#open.push({ isFinished: false });
    const { depth, data, gasLimit } = message;
    const to = message.to === undefined ? this.#createdBy(message) : message.codeAddress.bytes;
    this.#feed.tracer.onEnter?.({
      ...{ type, depth, to, input: data, gas: gasLimit },
      // A delegate call keeps the caller of the code that makes it.
      from: type === 'DELEGATECALL' && message.to !== undefined ? message.to.bytes : message.caller.bytes,
      isPrecompile: message.to !== undefined && this.#isPrecompile(to),
      value: type === 'STATICCALL' ? undefined : message.value,
    });
  }

  #exit({ execResult }: EVMResult): void {
    const frame = this.#open.pop();
    this.#feed.tracer.onExit?.({
      depth: this.#open.length,
      output: execResult.returnValue,
      gasUsed: execResult.executionGasUsed,
      error: errorOf(execResult, frame?.isFinished === true),
      isRevert: isRevert(execResult),
    });
  }

  #describe(runState: TracedRunState, { type, operands }: Attempt): { to: Address; input: Bytes } {
    const at = isCreation(type) ? 1 : type === 'CALL' || type === 'CALLCODE' ? 3 : 2;
    const input = readMemory(runState, Number(operands[at]), Number(operands[at + 1]));
    if (!isCreation(type)) return { to: toAddress(operands[1] as bigint), input };
    const from = runState.env.address.bytes;
    if (type === 'CREATE2') return { to: create2Address(from, bigIntToBytes32(operands[3] as bigint), input), input };
    return { to: createdContractAddress(from, this.#manager.world.getAccount(from)?.nonce ?? 0n), input };
  }

  /** The creator's nonce has been raised. */
  #createdBy({ caller, salt, data }: Message): Address {
    if (salt !== undefined) return create2Address(caller.bytes, salt, data);
    return createdContractAddress(caller.bytes, (this.#manager.world.getAccount(caller.bytes)?.nonce ?? 1n) - 1n);
  }

  #isPrecompile(address: Address): boolean {
    return this.#evm.precompiles.has(toKey(address));
  }
}

function isCreation(type: FrameType): boolean {
  return type === 'CREATE' || type === 'CREATE2';
}

/** What the frame moves, wei. */
function movedBy({ type, operands }: Attempt): bigint {
  if (isCreation(type)) return operands[0] as bigint;
  return type === 'CALL' || type === 'CALLCODE' ? (operands[2] as bigint) : 0n;
}

/** Why a frame that was paid has not begun, in geth's order; undefined: for a reason that geth does not know. */
function refusalOf({ env }: TracedRunState, moved: bigint): string | undefined {
  if (env.depth >= MAX_DEPTH) return 'max call depth exceeded';
  return env.contract.balance < moved ? 'insufficient balance for transfer' : undefined;
}

function errorOf(execution: ExecResult, isFinished: boolean): string | undefined {
  if (execution.exceptionError === undefined) return undefined;
  if (isRevert(execution)) return 'execution reverted';
  const message = haltMessage(execution);
  // The library does not tell why gas ran out.
  const isDeposit = isFinished && message === EVMError.errorMessages.OUT_OF_GAS;
  return isDeposit ? 'contract creation code storage out of gas' : message;
}

export function toAddress(word: bigint): Address {
  return bigIntToBytes32(word & ADDRESS_MASK).subarray(12);
}

/** EIP-1014 */
export function create2Address(creator: Address, salt: Bytes, initCode: Bytes): Address {
  return keccak256(concatBytes(CREATE2_PREFIX, creator, salt, keccak256(initCode))).slice(12);
}
