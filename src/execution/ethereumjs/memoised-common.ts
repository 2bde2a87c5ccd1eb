import { Common } from '@ethereumjs/common';

/**
 * `Common` with its look-ups memoised: the library scans arrays and converts numbers to BigInt hundreds of times per
 * transaction (ERC-20 transfer: 10 % less time).
 *
 * The library rebuilds its caches through the two methods overridden here whenever fork, EIPs or parameters change,
 * which is also when the memo is dropped. A copy shares the memo until then, and has a new one afterwards.
 */
export class MemoisedCommon extends Common {
  // Declared without initialisers: the base constructor already fills them through the overridden methods.
  declare private params: Map<string, bigint>;
  declare private activeEips: Map<number, boolean>;
  declare private reachedForks: Map<string, boolean>;

  override param(name: string): bigint {
    const known = this.params.get(name);
    if (known !== undefined) return known;
    const value = super.param(name);
    this.params.set(name, value);
    return value;
  }

  override isActivatedEIP(eip: number): boolean {
    const known = this.activeEips.get(eip);
    if (known !== undefined) return known;
    const active = super.isActivatedEIP(eip);
    this.activeEips.set(eip, active);
    return active;
  }

  override gteHardfork(hardfork: string): boolean {
    // The base constructor asks before it builds its caches.
    const known = this.reachedForks?.get(hardfork);
    if (known !== undefined) return known;
    const reached = super.gteHardfork(hardfork);
    this.reachedForks?.set(hardfork, reached);
    return reached;
  }

  protected override _buildParamsCache(): void {
    super._buildParamsCache();
    this.params = new Map();
  }

  protected override _buildActivatedEIPsCache(): void {
    this.reachedForks = new Map();
    super._buildActivatedEIPsCache();
    this.activeEips = new Map();
  }
}
