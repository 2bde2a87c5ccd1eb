import { type Command, Option } from 'commander';
import { loadSettings } from '../node/config-load.ts';
import { type Declaration, envOf, factsOf, flagOf, type Setting, type SettingsOf } from '../node/config-setting.ts';
import { configFileSetting } from '../node/settings.ts';

/** Gives a command one option per setting, described by the setting's declaration, and `--config`. */
export function addSettings(command: Command, declaration: Declaration): Command {
  for (const [name, setting] of Object.entries<Setting>({ ...declaration, ...configFileSetting })) {
    if (setting.flag === false) continue;
    const option = optionOf(name, setting);
    command.addOption(setting.group === undefined ? option : option.helpGroup(setting.group));
  }
  const hidden = Object.entries(declaration).filter(([, setting]) => setting.flag === false);
  const variables = hidden.map(([name, setting]) => `  ${envOf(name)}  ${setting.help}\n`).join('');
  if (variables !== '') command.addHelpText('after', `\nEnvironment only:\n${variables}`);
  return command;
}

/**
 * The settings of a parsed command: flag before environment before file before default.
 * @throws StrobeError INVALID_CONFIG
 */
export function settingsOf<D extends Declaration>(command: Command, declaration: D, env: NodeJS.ProcessEnv): SettingsOf<D> {
  const options = command.opts<Record<string, unknown>>();
  // Commander fills in defaults of its own (true for --no-x); only what was typed counts as a flag.
  const flags = Object.fromEntries(Object.entries(options).filter(([name]) => command.getOptionValueSource(name) === 'cli'));
  const { config } = loadSettings(configFileSetting, { flags, env });
  return loadSettings(declaration, { flags, env, file: config });
}

function optionOf(name: string, setting: Setting): Option {
  const facts = factsOf(setting.schema);
  const flag = flagOf(name);
  const description = `${setting.help} ${sourcesOf(name, setting)}`;
  if (facts.kind === 'boolean') {
    return new Option(facts.defaultValue === true ? flag.replace(/^--/, '--no-') : flag, description);
  }
  const option = new Option(`${flag} <${placeholderOf(setting)}>`, description);
  if (facts.kind !== 'list') return option;
  return option.argParser((text: string, earlier: string[] | undefined) => [...(earlier ?? []), text]);
}

function placeholderOf(setting: Setting): string {
  const { kind, choices } = factsOf(setting.schema);
  if (choices !== undefined) return choices.join('|');
  if (setting.path === true) return 'path';
  return kind === 'list' ? 'a,b,...' : kind;
}

/** "(default 8545; env STROBE_RPC_PORT; file rpc.port)" */
function sourcesOf(name: string, setting: Setting): string {
  const { required, defaultValue } = factsOf(setting.schema);
  const facts = [`env ${envOf(name)}`];
  if (setting.file !== undefined) facts.push(`file ${setting.file}`);
  if (setting.derived !== undefined) facts.unshift(`default ${setting.derived.help}`);
  else if (required) facts.unshift('required');
  else if (defaultValue !== undefined && !isEmptyList(defaultValue)) facts.unshift(`default ${String(defaultValue)}`);
  return `(${facts.join('; ')})`;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}
