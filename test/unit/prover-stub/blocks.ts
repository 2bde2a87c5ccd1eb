import { encodeDeployData, encodeFunctionData } from 'viem';
import { contractArtifact } from '../../../src/bench/artifacts.ts';
import type { Address } from '../../../src/protocol/primitives.ts';
import { encodeRlp, fromNumber } from '../../../src/protocol/rlp.ts';
import { type BlockJob, type ChainRules, chainRules } from '../../../src/prover-stub/block-job.ts';
import { type Bytes, fromHex, toHex } from '../../../src/util/bytes.ts';
import { keccak256 } from '../../../src/util/keccak.ts';
import * as contracts from '../../support/contracts.ts';
import { type CallSpec, type ExecutedBlock, ExecutedChain } from '../../support/executed-chain.ts';
import type { TestAccount } from '../../support/test-accounts.ts';

const { words } = contracts;

/** A chain of blocks that between them do everything that changes state or reads beside it. */
export interface RichChain {
  readonly chain: ExecutedChain;
  readonly rules: ChainRules;
  readonly blocks: readonly ExecutedBlock[];
  /** Blocks by what they are about. */
  readonly named: {
    readonly transfers: ExecutedBlock;
    readonly deployments: ExecutedBlock;
    readonly busy: ExecutedBlock;
    readonly clears: ExecutedBlock;
  };
}

export interface Deployed {
  readonly store: Address;
  readonly blockHash: Address;
  readonly transient: Address;
  readonly revert: Address;
  readonly external: Address;
  readonly call: Address;
  readonly log: Address;
  readonly token: Address;
}

export function jobOf(block: ExecutedBlock): BlockJob {
  return { seal: block.encodedSeal, miniBlocks: block.encodedMiniBlocks, witness: block.witness, previous: undefined };
}

/** Address of the contract that `sender` creates with its transaction of this nonce. */
function contractAddress(sender: Address, nonce: number): Address {
  return keccak256(encodeRlp([sender, fromNumber(nonce)])).slice(12);
}

export async function buildRichChain(): Promise<RichChain> {
  const chain = new ExecutedChain({ accounts: 6 });
  const [alice, bob, carol, dave] = chain.accounts as [TestAccount, TestAccount, TestAccount, TestAccount];
  const transfers = await chain.block(
    [
      { from: alice, to: bob.address, value: 5n },
      { from: bob, to: alice.address, value: 7n, type: 'legacy' },
    ],
    [],
    [{ from: carol, to: keccak256(carol.address).slice(12), value: 1n, type: 'eip2930' }],
  );
  const { deployments, deployed } = await deploy(chain, alice);
  const busy = await chain.block(...(await busyCalls(chain, deployed, { alice, bob, carol, dave })));
  const clears = await chain.block(
    // Two of three stored slots go in one mini-block, and of the rest one goes and comes back.
    [{ from: bob, to: deployed.store, data: words(1, 0, 2, 0) }],
    [{ from: bob, to: deployed.store, data: words(4, 0) }],
    [
      { from: bob, to: deployed.store, data: words(4, 44) },
      { from: dave, to: bob.address, value: 9n },
    ],
  );
  return {
    chain,
    rules: chainRules(chain.genesis, chain.identity),
    blocks: [transfers, deployments, busy, clears],
    named: { transfers, deployments, busy, clears },
  };
}

async function deploy(chain: ExecutedChain, deployer: TestAccount): Promise<{ deployments: ExecutedBlock; deployed: Deployed }> {
  const first = chain.nonce(deployer);
  const runtimes: Bytes[] = [
    contracts.STORE,
    contracts.STORE_BLOCK_HASH,
    contracts.TRANSIENT,
    contracts.REVERT,
    contracts.EXTERNAL_CODE,
    contracts.CALL,
    contracts.LOG,
  ];
  const specs: CallSpec[] = runtimes.map((runtime) => ({ from: deployer, data: contracts.initCodeOf(runtime) }));
  const deployments = await chain.block(specs, [{ from: deployer, data: tokenInitCode(deployer.address), gas: 3_000_000n }]);
  const at = (index: number): Address => contractAddress(deployer.address, first + index);
  const deployed = {
    store: at(0),
    blockHash: at(1),
    transient: at(2),
    revert: at(3),
    external: at(4),
    call: at(5),
    log: at(6),
    token: at(7),
  };
  return { deployments, deployed };
}

/** A BenchToken of which `owner` has everything. */
function tokenInitCode(owner: Address): Bytes {
  const { abi, bytecode } = contractArtifact('BenchToken');
  return fromHex(encodeDeployData({ abi, bytecode, args: ['Token', 'TKN', 10n ** 24n, toHex(owner)] }));
}

function tokenTransfer(to: Address, amount: bigint): Bytes {
  const { abi } = contractArtifact('BenchToken');
  return fromHex(encodeFunctionData({ abi, functionName: 'transfer', args: [toHex(to), amount] }));
}

interface People {
  readonly alice: TestAccount;
  readonly bob: TestAccount;
  readonly carol: TestAccount;
  readonly dave: TestAccount;
}

async function busyCalls(chain: ExecutedChain, deployed: Deployed, people: People): Promise<CallSpec[][]> {
  const { alice, bob, carol, dave } = people;
  const delegation = await chain.authorize(carol, deployed.store, chain.nonce(carol));
  return [
    [
      { from: bob, to: deployed.store, data: words(1, 11, 2, 22, 3, 33, 4, 44) },
      { from: alice, to: deployed.blockHash, data: words(1) },
      { from: alice, to: deployed.transient, data: words(77) },
      { from: bob, to: deployed.revert },
      { from: bob, to: deployed.external, data: words(deployed.token) },
    ],
    [
      { from: dave, type: 'eip7702', to: carol.address, data: words(5, 55), authorizationList: [delegation] },
      { from: alice, data: contracts.SELF_DESTRUCT_INIT, value: 3n },
      { from: alice, to: deployed.call, data: words(keccak256(alice.address).slice(12)) },
      { from: bob, to: deployed.log, data: words(99, 98) },
    ],
    [
      { from: bob, to: deployed.store, data: words(3, 0) },
      { from: alice, to: deployed.token, data: tokenTransfer(bob.address, 1000n) },
    ],
  ];
}
