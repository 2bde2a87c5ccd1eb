/** The part of the WebAssembly interface in use here; the types of Node.js leave it to the DOM's, which do not belong here. */
declare namespace WebAssembly {
  class Module {
    constructor(bytes: Uint8Array);
  }
  class Instance {
    constructor(module: Module);
    readonly exports: unknown;
  }
  interface Memory {
    /** Another one after each growth; the one before is empty then. */
    readonly buffer: ArrayBuffer;
  }
  interface Global {
    readonly value: number;
  }
  class RuntimeError extends Error {}
}
