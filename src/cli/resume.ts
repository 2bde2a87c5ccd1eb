import { Command } from 'commander';
import * as z from 'zod';
import { Secret } from '../crypto/secret.ts';
import { configError } from '../node/config-error.ts';
import type { Declaration } from '../node/config-setting.ts';
import { fromHex, toHex } from '../util/bytes.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

const path = z.string().min(1, 'expected a path');
const hexOf = (bytes: number, what: string) => z.string().regex(new RegExp(`^0x[0-9a-fA-F]{${2 * bytes}}$`), `expected ${what}`);

const resumeSettings = {
  genesis: { schema: path, path: true, help: 'genesis file of the chain, which names the operator key' },
  dataDir: { schema: path.optional(), path: true, help: 'data directory of the halted replica' },
  haltDigest: { schema: hexOf(32, 'a 32-byte digest').optional(), help: 'in place of it: haltDigest of strobe_nodeInfo' },
  operatorKey: { schema: path, path: true, help: 'V3 keystore of the operator key' },
  passwordFile: { schema: path.optional(), path: true, help: 'file with the password of the keystore' },
  password: {
    schema: z
      .string()
      .min(1)
      .transform((text) => new Secret(text))
      .optional(),
    flag: false,
    help: 'password of the keystore',
  },
  reinstate: {
    schema: z.array(hexOf(20, 'an address')).max(1_024).default([]),
    help: 'excluded provers whose word is to count again',
  },
  output: { schema: path, path: true, help: 'file to write the order to; never overwritten' },
} satisfies Declaration;

export function resumeCommand(io: CliIo): Command {
  const command = new Command('resume').description(
    'Sign the order with which a halted replica goes on: `strobe replica --resume FILE`. It is good for that one halt',
  );
  return addSettings(command, resumeSettings).action(async () => {
    const settings = settingsOf(command, resumeSettings, io.env);
    const { genesis, dataDir, haltDigest, operatorKey, passwordFile, password, reinstate, output } = settings;
    if ((dataDir === undefined) === (haltDigest === undefined)) throw configError(['give either --data-dir or --halt-digest']);
    const { writeResumeOrder } = await import('../node/resume-tools.ts');
    const { order, reason } = await writeResumeOrder({
      ...{ genesis, keystore: operatorKey, passwordFile, password, output },
      halt: dataDir === undefined ? { digest: fromHex(haltDigest ?? '0x') } : { dataDir },
      reinstated: reinstate.map((prover) => fromHex(prover)),
    });
    if (reason !== undefined) io.warn(`lifts the halt ${reason.rule}: ${reason.message}\n`);
    io.write(`${toHex(order.haltDigest)}  ${output}\n`);
  });
}
