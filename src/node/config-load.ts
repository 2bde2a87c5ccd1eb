import { dirname, resolve } from 'node:path';
import { configError } from './config-error.ts';
import { readConfigFile } from './config-file.ts';
import { type Declaration, envOf, factsOf, flagOf, type Setting, type SettingKind, type SettingsOf } from './config-setting.ts';

/** Where values come from; the first that has one wins: flags, environment, file, default. */
export interface SettingsSources {
  /** By setting name, as the command line parser leaves them: text, `true`/`false`, or a list of texts. */
  flags: Readonly<Record<string, unknown>>;
  env: Readonly<Record<string, string | undefined>>;
  /** A YAML or JSON file. */
  file?: string | undefined;
}

/** A value and the words that name where it came from. */
interface Candidate {
  value: unknown;
  source: string;
}

/** Longest value repeated in an error. */
const MAX_ECHO = 60;

/**
 * Resolves and validates a declaration.
 * @throws StrobeError INVALID_CONFIG with one line per problem
 */
export function loadSettings<D extends Declaration>(declaration: D, sources: SettingsSources): SettingsOf<D> {
  const fileValues = sources.file === undefined ? new Map<string, unknown>() : readConfigFile(sources.file);
  const problems = unknownKeys(declaration, fileValues, sources.file ?? '');
  const values: Record<string, unknown> = {};
  // Derived defaults look at other settings, so they come after those.
  const ordered = Object.entries(declaration).sort(
    ([, a], [, b]) => Number(a.derived !== undefined) - Number(b.derived !== undefined),
  );
  for (const [name, setting] of ordered) {
    const candidate = findCandidate(name, setting, sources, fileValues) ?? derivedCandidate(name, setting, values);
    const problem = assign(values, name, setting, candidate);
    if (problem !== undefined) problems.push(problem);
  }
  if (problems.length > 0) throw configError(problems);
  return values as SettingsOf<D>;
}

function findCandidate(
  name: string,
  setting: Setting,
  sources: SettingsSources,
  fileValues: Map<string, unknown>,
): Candidate | undefined {
  const { kind } = factsOf(setting.schema);
  const flag = setting.flag === false ? undefined : sources.flags[name];
  if (flag !== undefined) return { value: fromText(kind, flag), source: `flag ${flagOf(name)}` };
  const env = sources.env[envOf(name)];
  // An empty variable counts as unset, as compose files write it.
  if (env !== undefined && env !== '') return { value: fromText(kind, env), source: `env ${envOf(name)}` };
  if (setting.file === undefined || !fileValues.has(setting.file)) return undefined;
  return fromFile(setting, fileValues.get(setting.file), sources.file ?? '');
}

function fromFile(setting: Setting, value: unknown, file: string): Candidate {
  const source = `file ${file}: ${setting.file}`;
  const isPath = setting.path === true && typeof value === 'string';
  return { value: isPath ? resolve(dirname(file), value) : value, source };
}

function derivedCandidate(name: string, setting: Setting, values: Record<string, unknown>): Candidate | undefined {
  const value = setting.derived?.from(values);
  return value === undefined ? undefined : { value, source: `default of ${name}` };
}

/** Validates; stores the value or returns the problem. */
function assign(
  values: Record<string, unknown>,
  name: string,
  setting: Setting,
  candidate: Candidate | undefined,
): string | undefined {
  if (candidate === undefined && factsOf(setting.schema).required) return `missing: ${waysToSet(name, setting)}`;
  const parsed = setting.schema.safeParse(candidate?.value);
  if (parsed.success) {
    if (parsed.data !== undefined) values[name] = parsed.data;
    return undefined;
  }
  const reason = (parsed.error.issues[0]?.message ?? 'not valid').replace(/^Invalid input: /, '');
  return `${candidate?.source ?? name}: ${reason}${echo(setting, candidate?.value)}`;
}

function echo(setting: Setting, value: unknown): string {
  // What stays off the command line is secret, and stays out of messages too.
  if (setting.flag === false) return '';
  return `, got ${(JSON.stringify(value) ?? 'nothing').slice(0, MAX_ECHO)}`;
}

/** "--genesis, STROBE_GENESIS or the file key genesis" */
function waysToSet(name: string, setting: Setting): string {
  const ways = [envOf(name)];
  if (setting.flag !== false) ways.unshift(flagOf(name));
  if (setting.file !== undefined) ways.push(`the file key ${setting.file}`);
  return `give ${ways.slice(0, -1).join(', ')} or ${ways.at(-1)} (${setting.help})`;
}

/** Turns the text of a flag or variable into what the schema validates; text that does not fit stays as it is. */
function fromText(kind: SettingKind, raw: unknown): unknown {
  if (kind === 'list') return (Array.isArray(raw) ? raw : [raw]).flatMap((text) => splitList(String(text)));
  if (typeof raw !== 'string') return raw;
  const text = raw.trim();
  if (kind === 'number') return /^[-+]?\d+(?:\.\d+)?$/.test(text) ? Number(text) : raw;
  if (kind === 'boolean') return /^(?:true|1|yes)$/i.test(text) ? true : /^(?:false|0|no)$/i.test(text) ? false : raw;
  return raw;
}

function splitList(text: string): string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

function unknownKeys(declaration: Declaration, fileValues: Map<string, unknown>, file: string): string[] {
  const known = Object.values(declaration).flatMap((setting) => (setting.file === undefined ? [] : [setting.file]));
  const unknown = [...fileValues.keys()].filter((key) => !known.includes(key));
  return unknown.map((key) => {
    const section = known.filter((other) => sectionOf(other) === sectionOf(key));
    return `file ${file}: unknown key ${key}; known are ${(section.length > 0 ? section : known).join(', ')}`;
  });
}

/** `rpc.limits.maxBodyBytes` -> `rpc.limits` */
function sectionOf(key: string): string {
  return key.slice(0, key.lastIndexOf('.') + 1);
}
