import { createLogger, type Logger } from '../observability/logger.ts';
import { errorMessage, isStrobeError, StrobeError } from '../util/errors.ts';
import { letHeapsGrow } from './heap-growth.ts';
import type { NodeContext, RunningNode, StartNode } from './running-node.ts';
import type { LogSettings } from './settings.ts';

/** A node that cannot close, or give up its start, in this time is stuck: the process ends anyway and says so. */
const STOP_DEADLINE_MS = 15_000;

/**
 * One Ctrl-C arrives several times: from the terminal, which signals the whole group, and from npm or a launcher that
 * passes it on. Only a signal later than this is a second one.
 */
const DUPLICATE_SIGNAL_MS = 500;

/** As shells report a process that died of SIGINT. */
const EXIT_INTERRUPTED = 130;

/**
 * Hosts one node in this process: starts it, stops it on SIGINT or SIGTERM (a second signal ends the process at once),
 * and turns every way of dying into one readable log line.
 * @returns the exit code: 0 after a clean stop, 1 when the node died
 * @throws StrobeError INVALID_CONFIG
 */
export async function runNodeProcess<Settings extends LogSettings>(
  role: string,
  settings: Settings,
  start: StartNode<Settings>,
  stopDeadlineMs: number = STOP_DEADLINE_MS,
): Promise<number> {
  letHeapsGrow();
  const logger = createLogger({ level: settings.logLevel, format: settings.logFormat, bindings: { role } });
  const stop = new AbortController();
  const context: NodeContext = { logger, signal: stop.signal };
  const unsubscribe = listenForStop(stop, logger);
  process.once('uncaughtException', (error) => die(logger, 'uncaught exception', error));
  process.once('unhandledRejection', (error) => die(logger, 'unhandled rejection', error));
  try {
    await hostNode(() => start(settings, context), context, stopDeadlineMs);
    logger.info('stopped');
    return 0;
  } catch (error) {
    if (stop.signal.aborted && isAbort(error)) return 0;
    // Wrong settings are the caller's to print: they are no death of a node.
    if (isStrobeError(error, 'INVALID_CONFIG')) throw error;
    logger.fatal(detailsOf(error), `${role} died: ${errorMessage(error)}`);
    return 1;
  } finally {
    unsubscribe();
    await flushed(logger);
  }
}

/** The last lines are on their way when the process is about to end: they tell why. */
function flushed(logger: Logger): Promise<void> {
  return new Promise((resolve) => logger.flush(() => resolve()));
}

async function hostNode(start: () => Promise<RunningNode>, { signal, logger }: NodeContext, deadlineMs: number): Promise<void> {
  const inTime = <Result>(what: string, work: Promise<Result>): Promise<Result> => {
    const late = new StrobeError('STOP_TIMEOUT', `not closed after ${deadlineMs} ms`);
    const deadline = setTimeout(() => die(logger, what, late), deadlineMs);
    return work.finally(() => clearTimeout(deadline));
  };
  const node = await startUntilStopped(start, signal, (starting) => inTime('start', starting));
  const stopOnce = stopper(node, (stopping) => inTime('stop', stopping));
  const stopping = new Promise<void>((resolve, reject) => {
    const stop = (): void => void stopOnce().then(resolve, reject);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
  });
  // The stop's own failure must surface even when run() has resolved; before a stop nothing is awaited here.
  stopping.catch(() => undefined);
  try {
    await node.run();
    if (signal.aborted) await stopping;
  } catch (error) {
    // One part died: close the rest in order, but report what died first.
    await stopOnce().catch((stopError: unknown) => logger.error({ err: stopError }, 'could not stop cleanly'));
    throw error;
  }
}

type Limit = <Result>(work: Promise<Result>) => Promise<Result>;

/** A start may take as long as it takes, until it is asked to give up. */
async function startUntilStopped(start: () => Promise<RunningNode>, signal: AbortSignal, inTime: Limit): Promise<RunningNode> {
  const starting = start();
  const onAbort = (): void => {
    // Whoever awaits the start hears of its failure.
    inTime(starting).catch(() => undefined);
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await starting;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Calls `stop` once, however often it is asked. */
function stopper(node: RunningNode, inTime: Limit): () => Promise<void> {
  let stopped: Promise<void> | undefined;
  return () => {
    stopped ??= inTime(node.stop());
    return stopped;
  };
}

/**
 * Aborts `stop` when the process should end. Under a supervisor (an IPC channel) SIGINT is the supervisor's business,
 * since a terminal sends it to every process of the group, and the supervisor's disappearance means stop.
 */
function listenForStop(stop: AbortController, logger: Logger): () => void {
  const supervised = process.channel !== undefined && process.channel !== null;
  let firstSignalAt = Number.POSITIVE_INFINITY;
  const onSignal = (signal: NodeJS.Signals): void => {
    if (supervised && signal === 'SIGINT') return;
    const now = performance.now();
    if (now - firstSignalAt > DUPLICATE_SIGNAL_MS) process.exit(EXIT_INTERRUPTED);
    if (stop.signal.aborted) return;
    firstSignalAt = now;
    logger.info({ signal }, 'stopping');
    stop.abort();
  };
  const onDisconnect = (): void => {
    if (stop.signal.aborted) return;
    logger.warn('the supervisor went away, stopping');
    stop.abort();
  };
  process.on('SIGINT', onSignal).on('SIGTERM', onSignal);
  if (supervised) {
    process.once('disconnect', onDisconnect);
    process.channel?.unref();
  }
  return () => {
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal).off('disconnect', onDisconnect);
  };
}

function die(logger: Logger, what: string, error: unknown): never {
  logger.fatal(detailsOf(error), `${what}: ${errorMessage(error)}`);
  process.exit(1);
}

/** What a log line says beside the message: an error of ours is explained by its code, anything else by its stack. */
function detailsOf(error: unknown): object {
  return isStrobeError(error) ? { code: error.code, ...error.meta } : { err: error };
}

function isAbort(error: unknown): boolean {
  return error instanceof Error && (error.name === 'AbortError' || ('code' in error && error.code === 'ABORTED'));
}
