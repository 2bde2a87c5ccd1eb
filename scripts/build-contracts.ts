/**
 * Builds src/bench/artifacts.json: the token from test/contracts with the pinned solc, the Uniswap V2 contracts from
 * the builds their npm packages carry (UniswapV2Library hard-codes the hash of exactly that pair bytecode); and
 * test/contracts/artifacts.json: an upgradeable contract with its proxy.
 * Run `node scripts/build-contracts.ts` after changing a contract or one of the packages.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { StrobeError } from '../src/util/errors.ts';

type AbiEntry = { type: string; name?: string };
type Artifact = { abi: AbiEntry[]; bytecode: string };
type SolcOutput = {
  errors?: { severity: string; formattedMessage: string }[];
  contracts?: Record<string, Record<string, { abi: AbiEntry[]; evm: { bytecode: { object: string } } }>>;
};
type Solc = {
  compile(input: string, callbacks: { import(path: string): { contents: string } | { error: string } }): string;
};

const require = createRequire(import.meta.url);
const ARTIFACTS_PATH = fileURLToPath(new URL('../src/bench/artifacts.json', import.meta.url));
const TEST_ARTIFACTS_PATH = fileURLToPath(new URL('../test/contracts/artifacts.json', import.meta.url));
const SOURCES = new URL('../test/contracts/', import.meta.url);

/** The generated file's exact text. */
export function buildArtifacts(): string {
  const artifacts: Record<string, Artifact> = {
    BenchToken: subset(compile('BenchToken.sol', 'BenchToken'), ['constructor', 'transfer', 'approve', 'balanceOf']),
    UniswapV2Factory: subset(packagedBuild('@uniswap/v2-core/build/UniswapV2Factory.json'), ['constructor', 'getPair']),
    WETH9: subset(packagedBuild('@uniswap/v2-periphery/build/WETH9.json'), []),
    UniswapV2Router02: subset(packagedBuild('@uniswap/v2-periphery/build/UniswapV2Router02.json'), [
      'constructor',
      'addLiquidity',
      'swapExactTokensForTokens',
    ]),
  };
  return `${JSON.stringify(artifacts, null, 2)}\n`;
}

/** The generated file of the tests. */
export function buildTestArtifacts(): string {
  const artifacts: Record<string, Artifact> = {
    BoxV1: compile('Box.sol', 'BoxV1'),
    BoxV2: compile('Box.sol', 'BoxV2'),
    ERC1967Proxy: packagedBuild('@openzeppelin/contracts/build/contracts/ERC1967Proxy.json'),
  };
  return `${JSON.stringify(artifacts, null, 2)}\n`;
}

function compile(file: string, name: string): Artifact {
  const input = {
    language: 'Solidity',
    sources: { [file]: { content: readFileSync(new URL(file, SOURCES), 'utf8') } },
    settings: {
      optimizer: { enabled: true, runs: 200 },
      evmVersion: 'prague',
      // Without the metadata hash the bytecode does not depend on comments or paths.
      metadata: { bytecodeHash: 'none', appendCBOR: false },
      outputSelection: { [file]: { [name]: ['abi', 'evm.bytecode.object'] } },
    },
  };
  // Loaded here, not at the top: the compiler is 9 MB of WebAssembly.
  const solc = require('solc') as Solc;
  const output = JSON.parse(solc.compile(JSON.stringify(input), { import: importSource })) as SolcOutput;
  const problems = (output.errors ?? []).filter((entry) => entry.severity === 'error');
  const contract = output.contracts?.[file]?.[name];
  if (problems.length > 0 || contract === undefined) {
    throw new StrobeError('CONTRACT_BUILD_FAILED', problems.map((entry) => entry.formattedMessage).join('\n'));
  }
  return { abi: contract.abi, bytecode: `0x${contract.evm.bytecode.object}` };
}

function importSource(path: string): { contents: string } | { error: string } {
  try {
    return { contents: readFileSync(require.resolve(path), 'utf8') };
  } catch {
    return { error: `cannot find ${path}` };
  }
}

function packagedBuild(path: string): Artifact {
  const build = JSON.parse(readFileSync(require.resolve(path), 'utf8')) as { abi: AbiEntry[]; bytecode: string };
  const { bytecode } = build;
  return { abi: build.abi, bytecode: bytecode.startsWith('0x') ? bytecode : `0x${bytecode}` };
}

/** Keeps the constructor and the functions the bench calls: the whole ABIs would be most of the file. */
function subset(artifact: Artifact, names: readonly string[]): Artifact {
  const abi = artifact.abi.filter((entry) => names.includes(entry.type === 'function' ? (entry.name ?? '') : entry.type));
  return { abi, bytecode: artifact.bytecode };
}

if (import.meta.main) {
  writeFileSync(ARTIFACTS_PATH, buildArtifacts());
  writeFileSync(TEST_ARTIFACTS_PATH, buildTestArtifacts());
  process.stdout.write('wrote src/bench/artifacts.json and test/contracts/artifacts.json\n');
}
