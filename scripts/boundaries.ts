import { readFileSync } from 'node:fs';
import { posix } from 'node:path';
import ts from 'typescript';

/**
 * Which folder of `src` may import which others (ARCHITECTURE.md, "Who may import whom"). A folder may always import
 * itself. What is not listed is refused, a new folder too.
 */
export const ALLOWED_IMPORTS: Readonly<Record<string, readonly string[]>> = {
  util: [],
  protocol: ['util'],
  crypto: ['protocol', 'util'],
  observability: ['protocol', 'util'],
  state: ['protocol', 'util'],
  store: ['protocol', 'util'],
  network: ['protocol', 'util', 'observability'],
  execution: ['protocol', 'util', 'state'],
  sequencer: ['protocol', 'util', 'state', 'observability'],
  fullnode: ['protocol', 'util', 'state', 'observability'],
  'prover-stub': ['protocol', 'util', 'observability'],
  da: ['protocol', 'util', 'observability'],
  rpc: ['protocol', 'util', 'observability'],
  bench: ['util'],
  node: [
    ...['protocol', 'util', 'crypto', 'observability', 'state', 'store', 'network', 'execution'],
    ...['sequencer', 'fullnode', 'prover-stub', 'da', 'rpc'],
  ],
  cli: ['node', 'bench', 'crypto', 'observability', 'util'],
};

export interface BoundaryViolation {
  readonly file: string;
  readonly imported: string;
  readonly rule: string;
}

/** Violations of one file; `file` is relative to the project root with forward slashes. */
export function boundaryViolations(file: string, source: string): BoundaryViolation[] {
  const folder = folderOf(file);
  if (folder === undefined) return [];
  const allowed = ALLOWED_IMPORTS[folder];
  return ts.preProcessFile(source, true, true).importedFiles.flatMap(({ fileName }) => {
    if (!fileName.startsWith('.')) return [];
    const imported = posix.join(posix.dirname(file), fileName);
    const target = folderOf(imported);
    if (target === folder) return [];
    if (target !== undefined && allowed?.includes(target)) return [];
    return [{ file, imported, rule: `src/${folder} may not import src/${target ?? '..'}` }];
  });
}

function folderOf(file: string): string | undefined {
  const [root, folder, ...rest] = file.split('/');
  return root === 'src' && rest.length > 0 ? folder : undefined;
}

/** Checks files on disk. */
export function checkBoundaries(files: readonly string[]): BoundaryViolation[] {
  return files.flatMap((file) => boundaryViolations(file, readFileSync(file, 'utf8')));
}
