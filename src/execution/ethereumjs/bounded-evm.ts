import { EVM, type EVMOpts } from '@ethereumjs/evm';
import { Address } from '@ethereumjs/util';
import { fromKey } from '../../util/bytes.ts';
import type { ExecutionDeadline } from './execution-deadline.ts';
import { createModexp } from './modexp.ts';
import { estimatePrecompileMs, SLOW_PRECOMPILES } from './precompile-cost.ts';

/** Address of the MODEXP precompile. */
const MODEXP = new Address(fromKey('05'.padStart(40, '0')));

type RunPrecompile = EVM['runPrecompile'];

/** The library's EVM with a linear MODEXP and a wall-clock limit that holds in the precompiles. */
export class BoundedEvm extends EVM {
  readonly #deadline: ExecutionDeadline;
  /** Names of the slow precompiles by their function, which is all the library passes on. */
  readonly #slowPrecompiles = new Map<unknown, string>();

  constructor(options: EVMOpts, deadline: ExecutionDeadline) {
    super({ ...options, customPrecompiles: [{ address: MODEXP, function: createModexp(deadline) }] });
    this.#deadline = deadline;
    for (const name of SLOW_PRECOMPILES) this.#slowPrecompiles.set(this.precompiles.get(name.padStart(40, '0')), name);
  }

  protected override runPrecompile(...[code, data, gas]: Parameters<RunPrecompile>): ReturnType<RunPrecompile> {
    // A precompile cannot be stopped once it runs, so one that would overrun is not begun.
    const name = this.#slowPrecompiles.get(code);
    this.#deadline.check(name === undefined ? 0 : estimatePrecompileMs(name, data, gas));
    return super.runPrecompile(code, data, gas);
  }
}
