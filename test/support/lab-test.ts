import { test } from 'vitest';
import { isFullRun } from './fault-seed.ts';
import { LabScene } from './lab-scene.ts';
import { netLabMissing } from './net-lab.ts';
import type { TestDevnetOptions } from './test-devnet.ts';

export interface LabTestOptions extends TestDevnetOptions {
  /** Too long for every run. */
  readonly onlyInFullRuns?: boolean;
  /** Nodes that the test starts. */
  readonly late?: readonly string[];
  /** Changes the nodes' settings before they start. */
  readonly prepare?: (scene: LabScene) => Promise<void>;
}

/** The longest scenario takes a third of it on an idle machine. */
const TIMEOUT_MS = 600_000;

/** A test on a scene of its own that has begun. Where there can be none it is skipped, with the reason printed. */
export function labTest(options: LabTestOptions, name: string, run: (scene: LabScene) => Promise<void>): void {
  const reason = netLabMissing ?? (options.onlyInFullRuns && !isFullRun ? 'only with STROBE_FAULTS=all' : undefined);
  if (reason !== undefined) console.warn(`skipped: ${reason}: ${name}`);
  test.skipIf(reason !== undefined)(name, { timeout: TIMEOUT_MS }, async () => {
    await using scene = await LabScene.create(options);
    await options.prepare?.(scene);
    await scene.begin(options.late);
    await run(scene);
  });
}
