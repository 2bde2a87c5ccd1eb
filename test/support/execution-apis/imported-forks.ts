import type { GethGenesis } from '@ethereumjs/common';
import { type ForkSchedule, forkId, PRAGUE_PRECOMPILES } from '../../../src/protocol/fork-config.ts';
import { BEACON_ROOTS_CONTRACT, type Hash, HISTORY_CONTRACT } from '../../../src/protocol/primitives.ts';
import { fromHex } from '../../../src/util/bytes.ts';
import { defined } from '../defined.ts';

/** Blob parameters that a chain ends with are those of its last fork. */
const LAST_FORK = 'bpo2';

/** The last fork of a geth genesis file, which brought P256VERIFY and all requests (EIP-7951, 7685). */
export function forksOf({ config }: GethGenesis, genesisHash: Hash): ForkSchedule {
  const fields = Object.entries(config as unknown as Record<string, unknown>);
  const activations = (suffix: string): number[] => fields.filter(([name]) => name.endsWith(suffix)).map(([, at]) => Number(at));
  const times = activations('Time');
  const { target = 0, max = 0, baseFeeUpdateFraction = 0 } = defined(config.blobSchedule?.[LAST_FORK]);
  const current = {
    activationTime: Math.max(...times),
    blobSchedule: { target, max, baseFeeUpdateFraction },
    forkId: forkId(genesisHash, [...activations('Block'), ...times]),
    precompiles: { ...PRAGUE_PRECOMPILES, P256VERIFY: fromHex(`0x${'100'.padStart(40, '0')}`) },
    systemContracts: {
      BEACON_ROOTS_ADDRESS: BEACON_ROOTS_CONTRACT,
      CONSOLIDATION_REQUEST_PREDEPLOY_ADDRESS: fromHex('0x0000bbddc7ce488642fb579f8b00f3a590007251'),
      DEPOSIT_CONTRACT_ADDRESS: fromHex(defined(config.depositContractAddress)),
      HISTORY_STORAGE_ADDRESS: HISTORY_CONTRACT,
      WITHDRAWAL_REQUEST_PREDEPLOY_ADDRESS: fromHex('0x00000961ef480eb55e80d19ad83579a64c007002'),
    },
  };
  return { current, next: undefined, last: undefined };
}
