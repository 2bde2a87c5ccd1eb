import { LATENCY_BUCKETS_SECONDS, type MetricFactory } from '../observability/metrics.ts';

/** What is reported of executions. */
export interface ExecutionMetrics {
  /** In the thread of JSON-RPC, from start to end. */
  executedHere(): void;
  /** It took too long there. */
  givenUpHere(): void;
  /** @param waitedSeconds until an executor was free */
  givenToExecutor(waitedSeconds: number): void;
}

/** Waits are those for executions of seconds. */
const WAIT_BUCKETS_SECONDS = [...LATENCY_BUCKETS_SECONDS, 5, 10, 30, 60];

/** Without a factory nothing is recorded. */
export function createExecutionMetrics(
  factory: MetricFactory | undefined,
  { waiting }: { readonly waiting: () => number },
): ExecutionMetrics {
  if (factory === undefined) return { executedHere: () => {}, givenUpHere: () => {}, givenToExecutor: () => {} };
  const executions = factory.counter({
    name: 'rpc_executions_total',
    help: 'Calls, estimates, traces and simulations by place: the thread of JSON-RPC (here), begun there in vain, an executor.',
    labelNames: ['place'],
  });
  const waits = factory.histogram({
    name: 'rpc_execution_wait_seconds',
    help: 'Time for which long executions waited for an executor.',
    buckets: WAIT_BUCKETS_SECONDS,
  });
  factory.gauge({
    name: 'rpc_executions_waiting',
    help: 'Long executions that wait for an executor.',
    collect: (gauge) => gauge.set(waiting()),
  });
  const [here, vain, executor] = ['here', 'vain', 'executor'].map((place) => executions.labels({ place }));
  return {
    executedHere: () => here?.inc(),
    givenUpHere: () => vain?.inc(),
    givenToExecutor: (seconds) => {
      executor?.inc();
      waits.observe(seconds);
    },
  };
}
