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
  verified: ['protocol', 'util'],
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

/** The entry file of a worker is code that the folder runs, as if it imported it. */
const WORKER_ENTRY = /(?:new URL\(\s*['"`](?=[^'"`]*\.[jt]s['"`])|workerUrl\(\s*['"`])(\.[^'"`]*)/g;

/** Violations of one file; `file` is relative to the project root with forward slashes. */
export function boundaryViolations(file: string, source: string): BoundaryViolation[] {
  if (!file.startsWith('src/')) return [];
  const folder = folderOf(file);
  const allowed = folder === undefined ? [] : ALLOWED_IMPORTS[folder];
  return importedFiles(source).flatMap((fileName) => {
    const imported = fileName.startsWith('.') ? posix.join(posix.dirname(file), fileName) : fileName;
    const target = folderOf(imported);
    if (target !== undefined && (target === folder || allowed?.includes(target))) return [];
    return [{ file, imported, rule: `src/${folder ?? ''} may not import ${target === undefined ? imported : `src/${target}`}` }];
  });
}

/** Every file, not package, that a source file imports or starts as a worker. */
function importedFiles(source: string): string[] {
  const imports = ts.preProcessFile(source, true, true).importedFiles.map(({ fileName }) => fileName);
  const workers = [...source.matchAll(WORKER_ENTRY)].map((match) => match[1] as string);
  return [...imports, ...workers].filter((fileName) => /^(?:\.|\/|file:)/.test(fileName));
}

function folderOf(file: string): string | undefined {
  const [root, folder, ...rest] = file.split('/');
  return root === 'src' && rest.length > 0 ? folder : undefined;
}

/** What runs in browsers, with all that it imports (package.json, "exports"). */
export const BROWSER_ENTRY = 'src/verified/verified-transport.ts';
/** Packages that run there, too; types of others are no imports. */
const BROWSER_PACKAGES = ['@noble/curves'];
/** With `verbatimModuleSyntax` exactly these leave nothing in the built file. */
const TYPE_IMPORTS = /^(?:import|export) type [^;]*;/gm;

/** Violations in {@link BROWSER_ENTRY} or what it imports; `read` gives the source of a file. */
export function browserViolations(read: (file: string) => string): BoundaryViolation[] {
  const violations: BoundaryViolation[] = [];
  const files = new Set([BROWSER_ENTRY]);
  for (const file of files) {
    const source = read(file).replaceAll(TYPE_IMPORTS, '');
    for (const { fileName } of ts.preProcessFile(source, true, true).importedFiles) {
      if (fileName.startsWith('.')) files.add(posix.join(posix.dirname(file), fileName));
      else if (!BROWSER_PACKAGES.some((name) => fileName === name || fileName.startsWith(`${name}/`))) {
        violations.push({ file, imported: fileName, rule: `${BROWSER_ENTRY} runs in browsers` });
      }
    }
  }
  return violations;
}

/** Checks files on disk. */
export function checkBoundaries(files: readonly string[]): BoundaryViolation[] {
  return files.flatMap((file) => boundaryViolations(file, readFileSync(file, 'utf8')));
}
