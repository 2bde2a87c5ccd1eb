import type { RunningNode } from './running-node.ts';

/** What is done between two starts, with what the node stood on. */
export type Between = () => Promise<void>;

/** Asks for the node to stop, and to start again when `between` is done. */
export type Restart = (between: Between) => void;

type StartOnce = (restart: Restart) => Promise<RunningNode>;

/** A node that can begin anew within its process, as one that goes over to another state has to. */
export class RestartingNode implements RunningNode {
  readonly #startOnce: StartOnce;
  #current: RunningNode;
  #wanted: PromiseWithResolvers<Between>;
  #switching: Promise<void> = Promise.resolve();
  #isStopping = false;

  private constructor(startOnce: StartOnce, current: RunningNode, wanted: PromiseWithResolvers<Between>) {
    this.#startOnce = startOnce;
    this.#current = current;
    this.#wanted = wanted;
  }

  static async start(startOnce: StartOnce): Promise<RestartingNode> {
    const wanted = Promise.withResolvers<Between>();
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

  async #switch(between: Between): Promise<void> {
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
