import { Command } from 'commander';
import * as z from 'zod';
import type { Declaration } from '../node/config-setting.ts';
import type { SnapshotSummary } from '../node/snapshot-tools.ts';
import type { CliIo } from './cli-io.ts';
import { addSettings, settingsOf } from './settings-options.ts';

const path = z.string().min(1, 'expected a path');

const folderSettings = {
  dataDir: { schema: path, path: true, help: 'data directory of the node' },
} satisfies Declaration;

const exportSettings = {
  ...folderSettings,
  output: { schema: path, path: true, help: 'file to write; never overwritten' },
} satisfies Declaration;

const importSettings = {
  ...folderSettings,
  input: { schema: path, path: true, help: 'file that export wrote' },
  genesis: { schema: path, path: true, help: 'genesis file of the chain: the snapshot has to be of it' },
} satisfies Declaration;

const verifySettings = {
  genesis: { schema: path.optional(), path: true, help: 'genesis file of the chain, for checking signatures and state root too' },
} satisfies Declaration;

export function snapshotCommand(io: CliIo): Command {
  return new Command('snapshot')
    .description('Move state between nodes: list, export, import and verify snapshots')
    .addCommand(listCommand(io))
    .addCommand(exportCommand(io))
    .addCommand(importCommand(io))
    .addCommand(verifyCommand(io));
}

function listCommand(io: CliIo): Command {
  const command = new Command('list').description('List the snapshots of a data directory, newest first');
  return addSettings(command, folderSettings).action(async () => {
    const { dataDir } = settingsOf(command, folderSettings, io.env);
    const { listSnapshotsOf } = await import('../node/snapshot-tools.ts');
    const { snapshots, problems } = await listSnapshotsOf(dataDir);
    if (snapshots.length === 0) io.warn(`no snapshots in ${dataDir}\n`);
    for (const snapshot of snapshots) io.write(lineOf(snapshot));
    for (const problem of problems) io.warn(`strobe: ${problem}\n`);
    if (problems.length > 0) io.setExitCode(1);
  });
}

function exportCommand(io: CliIo): Command {
  const command = new Command('export').description('Write the newest snapshot of a stopped node to one file');
  return addSettings(command, exportSettings).action(async () => {
    const { dataDir, output } = settingsOf(command, exportSettings, io.env);
    const { exportSnapshot } = await import('../node/snapshot-tools.ts');
    io.write(lineOf(await exportSnapshot(dataDir, output)));
  });
}

function importCommand(io: CliIo): Command {
  const command = new Command('import').description(
    'Check an exported snapshot and put it into the data directory of a stopped or new node, which begins with its block',
  );
  return addSettings(command, importSettings).action(async () => {
    const { dataDir, input, genesis } = settingsOf(command, importSettings, io.env);
    const { importSnapshot } = await import('../node/snapshot-tools.ts');
    io.write(lineOf(await importSnapshot(dataDir, input, genesis)));
  });
}

function verifyCommand(io: CliIo): Command {
  const command = new Command('verify')
    .description('Check a snapshot file: every byte against its checksums, and with --genesis all that an import checks')
    .argument('<file>', 'a snapshot of a data directory or an exported one');
  return addSettings(command, verifySettings).action(async (file: string) => {
    const { genesis } = settingsOf(command, verifySettings, io.env);
    const { verifySnapshot } = await import('../node/snapshot-tools.ts');
    io.write(lineOf(await verifySnapshot(file, genesis)));
  });
}

function lineOf({ blockNumber, blockHash, bytes, createdAt, path: file }: SnapshotSummary): string {
  return `${blockNumber}  ${blockHash}  ${bytes} bytes  ${createdAt}  ${file}\n`;
}
