import type { EVM } from '@ethereumjs/evm';
import type { AccountOverride } from '../../protocol/ports/execution.ts';
import { bytesEqual, toHex, toKey } from '../../util/bytes.ts';
import { StrobeError } from '../../util/errors.ts';

type Precompiles = EVM['precompiles'];

/** The precompiles of an EVM, which state overrides may move. */
export class PrecompileSet {
  /** As they are without overrides. */
  readonly standard: Precompiles;
  readonly #evm: EVM;

  constructor(evm: EVM) {
    this.#evm = evm;
    this.standard = evm.precompiles;
  }

  /**
   * From here on precompiles are where these overrides put them, and where there are none, in their places. As in geth an
   * account with any override is no precompile any more, and the target of a move keeps its state.
   * @throws StrobeError INVALID_STATE_OVERRIDE, PRECOMPILE_MOVED_TO_ITSELF
   */
  override(overrides: readonly AccountOverride[]): void {
    const isTouched = overrides.some((each) => each.movePrecompileTo !== undefined || this.standard.has(toKey(each.address)));
    this.#use(isTouched ? this.#moved(overrides) : this.standard);
  }

  #moved(overrides: readonly AccountOverride[]): Precompiles {
    const moved: Precompiles = new Map(this.standard);
    const overridden = new Set(overrides.map(({ address }) => toKey(address)));
    for (const { address, movePrecompileTo: target } of overrides) {
      const precompile = this.standard.get(toKey(address));
      if (target !== undefined) {
        if (precompile === undefined) throw invalid(`account ${toHex(address)} is not a precompile`);
        if (bytesEqual(address, target)) throw movedToItself(toHex(address));
        if (overridden.has(toKey(target))) throw invalid(`account ${toHex(target)} is already overridden`);
        moved.set(toKey(target), precompile);
      }
      moved.delete(toKey(address));
    }
    return moved;
  }

  #use(precompiles: Precompiles): void {
    this.#evm['_precompiles'] = precompiles;
  }
}

function invalid(message: string): StrobeError<'INVALID_STATE_OVERRIDE'> {
  return new StrobeError('INVALID_STATE_OVERRIDE', message);
}

function movedToItself(address: string): StrobeError<'PRECOMPILE_MOVED_TO_ITSELF'> {
  return new StrobeError('PRECOMPILE_MOVED_TO_ITSELF', `account ${address} is moved to itself`);
}
