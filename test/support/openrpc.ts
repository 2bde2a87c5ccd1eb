import { readFileSync } from 'node:fs';
import { Ajv2019 as Ajv, type AnySchema, type ValidateFunction } from 'ajv/dist/2019.js';

interface OpenRpcDocument {
  readonly methods: readonly { readonly name: string; readonly result?: { readonly schema: AnySchema } }[];
}

/** Validators of results by method, of an OpenRPC document. */
export class OpenRpcResults {
  readonly #schemas: ReadonlyMap<string, AnySchema>;
  readonly #ajv = new Ajv({ strict: false });
  readonly #validators = new Map<string, ValidateFunction>();

  constructor(path: string) {
    const { methods } = JSON.parse(readFileSync(path, 'utf8')) as OpenRpcDocument;
    this.#schemas = new Map(methods.flatMap(({ name, result }) => (result === undefined ? [] : [[name, result.schema]])));
  }

  /** Names of the document's methods that have a result. */
  get methods(): readonly string[] {
    return [...this.#schemas.keys()];
  }

  /** What is wrong with a result, one line for each error; empty: nothing. */
  errors(method: string, result: unknown): string[] {
    const schema = this.#schemas.get(method);
    if (schema === undefined) return [`the document has no method ${method}`];
    const validate = this.#validators.get(method) ?? this.#ajv.compile(schema);
    this.#validators.set(method, validate);
    if (validate(result)) return [];
    return (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || '/'} ${message ?? 'is wrong'}`);
  }
}
