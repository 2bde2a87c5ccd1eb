import type * as z from 'zod';

/**
 * One setting, declared once: its schema validates the value and holds the default, and the flag, the environment
 * variable, the key in the configuration file and the help text all follow from the declaration.
 */
export interface Setting<Schema extends z.ZodType = z.ZodType> {
  readonly schema: Schema;
  /** One phrase for `--help`. */
  readonly help: string;
  /** Dotted key in the configuration file; `undefined` keeps the setting out of files. */
  readonly file?: string;
  /** False keeps it off the command line, where other users of the machine could read it. */
  readonly flag?: false;
  /** Heading that `--help` lists it under, where there are many of a kind. */
  readonly group?: string;
  /** A path: in a file it is relative to the file's folder, elsewhere to the working directory. */
  readonly path?: true;
  /** The default where it depends on other settings, and how `--help` describes it. */
  readonly derived?: { readonly from: (values: Readonly<Record<string, unknown>>) => unknown; readonly help: string };
}

/** Settings by camelCase name: `rpcPort` is `--rpc-port` and `STROBE_RPC_PORT`. */
export type Declaration = Readonly<Record<string, Setting>>;

/** The typed result of loading a declaration. */
export type SettingsOf<D extends Declaration> = z.infer<z.ZodObject<{ -readonly [K in keyof D]: D[K]['schema'] }>>;

/** `rpcPort` -> `--rpc-port` */
export function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/** `rpcPort` -> `STROBE_RPC_PORT` */
export function envOf(name: string): string {
  return `STROBE_${name.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

export type SettingKind = 'text' | 'number' | 'boolean' | 'list';

export interface SchemaFacts {
  kind: SettingKind;
  required: boolean;
  /** Undefined when there is none. */
  defaultValue: unknown;
  /** The allowed words of a choice. */
  choices?: readonly string[];
}

/** What a schema says about its setting, looking through `.default()`, `.optional()` and transformations. */
export function factsOf(schema: z.ZodType): SchemaFacts {
  const facts: SchemaFacts = { kind: 'text', required: true, defaultValue: undefined };
  let current = schema as unknown as z.core.$ZodTypes;
  for (;;) {
    const { def } = current._zod;
    switch (def.type) {
      case 'default':
        facts.required = false;
        facts.defaultValue = def.defaultValue;
        current = def.innerType as z.core.$ZodTypes;
        continue;
      case 'optional':
        facts.required = false;
        current = def.innerType as z.core.$ZodTypes;
        continue;
      case 'pipe':
        current = def.in as z.core.$ZodTypes;
        continue;
      case 'enum':
        facts.choices = Object.values(def.entries).map(String);
        return facts;
      case 'number':
      case 'boolean':
        facts.kind = def.type;
        return facts;
      case 'array':
        facts.kind = 'list';
        return facts;
      default:
        return facts;
    }
  }
}

/** Declares every field of a schema that lives elsewhere (the benchmark's options) as settings. */
export function declarationOf<Shape extends Record<string, z.ZodType>>(
  schema: z.ZodObject<Shape>,
): { readonly [K in keyof Shape]: Setting<Shape[K]> } {
  const entries = Object.entries(schema.shape).map(([name, field]): [string, Setting] => [
    name,
    { schema: field, file: name, help: field.description ?? '' },
  ]);
  return Object.fromEntries(entries) as { [K in keyof Shape]: Setting<Shape[K]> };
}
