import type { RunningNode } from './running-node.ts';

/** Asks for the node to stop, and to start again when `between` is done with what it stood on. */
export type Restart = (between: () => Promise<void>) => void;

type StartOnce = (restart: Restart) => Promise<RunningNode>;

/** A node that can begin anew within its process, as one that goes over to another state has to. */
export class RestartingNode implements RunningNode {
  readonly #startOnce: StartOnce;
  #current: RunningNode;
  #wanted: PromiseWithResolvers<() => Promise<void>>;
  #switching: Promise<void> = Promise.resolve();
  #isStopping = false;

  private constructor(startOnce: StartOnce, current: RunningNode, wanted: PromiseWithResolvers<() => Promise<void>>) {
    this.#startOnce = startOnce;
    this.#current = current;
    this.#wanted = wanted;
  }

  static async start(startOnce: StartOnce): Promise<RestartingNode> {
    const wanted = Promise.withResolvers<() => Promise<void>>();
    return new RestartingNode(startOnce, await startOnce(wanted.resolve), wanted);
  }

  /** Resolves after a stop; rejects when the node dies or cannot start again. */
  async run(): Promise<void> {
    while (!this.#isStopping) {
      const between = await Promise.race([this.#current.run(), this.#wanted.promise]);
      if (between === undefined || this.#isStopping) return;
      const switching = this.#switch(between);
      this.#switching = switching.catch(() => undefined);
      await switching;
    }
  }

  async #switch(between: () => Promise<void>): Promise<void> {
    await this.#current.stop();
    await between();
    if (this.#isStopping) return;
    this.#wanted = Promise.withResolvers();
    this.#current = await this.#startOnce(this.#wanted.resolve);
  }

  /** What is under way between two starts is finished first: half of it would be of no use. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#switching;
    await this.#current.stop();
  }
}
