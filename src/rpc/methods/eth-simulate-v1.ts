import { JsonText } from '../json-text.ts';
import { readSimulationParams, type SimulationParams } from '../read-simulation.ts';
import type { RpcMethod } from '../rpc-method.ts';
import { simulationBaseAt } from '../simulation-base.ts';

/** Executes blocks of calls one after the other, each on the state that those before it left. */
export const ethSimulateV1: RpcMethod<SimulationParams> = {
  name: 'eth_simulateV1',
  maxParams: 2,
  parse: readSimulationParams,
  handle: ({ request, block, returnsFullTransactions }, { backend, executions }, { client }) =>
    executions.run(client, async () => {
      const base = await simulationBaseAt(block, backend);
      return new JsonText(await backend.simulator.simulate(request, base, returnsFullTransactions));
    }),
};
