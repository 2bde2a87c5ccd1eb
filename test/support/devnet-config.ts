import { writeFile } from 'node:fs/promises';
import { defined } from './defined.ts';
import type { TestDevnet } from './test-devnet.ts';

/** Changes settings of a node, as its configuration file has them, for its next start. Sections are merged. */
export async function changeConfig(
  devnet: TestDevnet,
  name: string,
  changes: Readonly<Record<string, Readonly<Record<string, unknown>>>>,
): Promise<void> {
  const { configFile, config } = defined(devnet.plan.find((planned) => planned.name === name));
  for (const [section, values] of Object.entries(changes)) {
    config[section] = { ...(config[section] as Record<string, unknown> | undefined), ...values };
  }
  await writeFile(configFile, JSON.stringify(config));
}
