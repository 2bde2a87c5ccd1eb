import { Command } from 'commander';
import * as z from 'zod';
import type { Declaration } from '../node/config-setting.ts';
import type { EvidenceSummary } from '../node/evidence-tools.ts';
import { isStrobeError } from '../util/errors.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

const path = z.string().min(1, 'expected a path');

const folderSettings = {
  dataDir: { schema: path, path: true, help: 'data directory of the replica' },
} satisfies Declaration;

const exportSettings = {
  ...folderSettings,
  output: { schema: path, path: true, help: 'file to write; never overwritten' },
  position: { schema: z.int().min(0).optional(), help: 'which piece, as list numbers them; all of them unless given' },
} satisfies Declaration;

const verifySettings = {
  genesis: { schema: path, path: true, help: 'genesis file of the chain: all that is trusted' },
} satisfies Declaration;

/** Of verify-evidence: 0 says that all is proven. */
const EXIT_NOT_PROVEN = 1;
const EXIT_UNREADABLE = 2;

export function evidenceCommand(io: CliIo): Command {
  return new Command('evidence')
    .description('Show and hand out what a replica keeps of wrong-doings: list and export')
    .addCommand(listCommand(io))
    .addCommand(exportCommand(io));
}

function listCommand(io: CliIo): Command {
  const command = new Command('list').description('List the evidence of a data directory, oldest first');
  return addSettings(command, folderSettings).action(async () => {
    const { dataDir } = settingsOf(command, folderSettings, io.env);
    const { listEvidence } = await import('../node/evidence-tools.ts');
    const evidence = await listEvidence(dataDir);
    if (evidence.length === 0) io.warn(`no evidence in ${dataDir}\n`);
    for (const summary of evidence) io.write(lineOf(summary));
  });
}

function exportCommand(io: CliIo): Command {
  const command = new Command('export').description('Write evidence to one file, which anyone can check with verify-evidence');
  return addSettings(command, exportSettings).action(async () => {
    const { dataDir, output, position } = settingsOf(command, exportSettings, io.env);
    const { exportEvidence } = await import('../node/evidence-tools.ts');
    for (const summary of await exportEvidence(dataDir, output, position)) io.write(lineOf(summary));
  });
}

export function verifyEvidenceCommand(io: CliIo): Command {
  const command = new Command('verify-evidence')
    .description('Say what a file of evidence proves, from the genesis file alone: exit code 0 all proven, 1 not, 2 unreadable')
    .argument('<file>', 'a file that `strobe evidence export` wrote, or one of a replica’s evidence folder');
  return addSettings(command, verifySettings).action(async (file: string) => {
    const { genesis } = settingsOf(command, verifySettings, io.env);
    const { judgeEvidenceFile } = await import('../node/evidence-tools.ts');
    try {
      const judged = await judgeEvidenceFile(file, genesis);
      for (const { summary, finding } of judged) {
        io.write(`${summary.rule}  ${finding.isProven ? 'PROVEN' : 'NOT PROVEN'}  ${finding.statement}\n`);
      }
      io.setExitCode(judged.every(({ finding }) => finding.isProven) ? 0 : EXIT_NOT_PROVEN);
    } catch (error) {
      if (!isStrobeError(error)) throw error;
      io.warn(`strobe: ${error.message}\n`);
      io.setExitCode(EXIT_UNREADABLE);
    }
  });
}

function lineOf({ position, rule, at, digest, message }: EvidenceSummary): string {
  return `${position}  ${rule}  ${at}  ${digest}  ${message}\n`;
}
