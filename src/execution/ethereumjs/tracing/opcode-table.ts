/** What geth knows of an opcode (core/vm/opcodes.go, core/vm/jump_table.go). */
export interface OpcodeFacts {
  readonly name: string;
  /** Stack items it needs. */
  readonly pops: number;
  readonly pushes: number;
}

/** Most items on the stack (Yellow Paper, section 9.1). */
const STACK_LIMIT = 1024;

/** Runs of opcodes from the code in front: name, items popped, items pushed. Prague; 0x44 has its old name in geth. */
const RUNS: readonly (readonly [number, string])[] = [
  [0x00, 'STOP 0 0, ADD 2 1, MUL 2 1, SUB 2 1, DIV 2 1, SDIV 2 1, MOD 2 1, SMOD 2 1, ADDMOD 3 1, MULMOD 3 1'],
  [0x0a, 'EXP 2 1, SIGNEXTEND 2 1'],
  [0x10, 'LT 2 1, GT 2 1, SLT 2 1, SGT 2 1, EQ 2 1, ISZERO 1 1, AND 2 1, OR 2 1, XOR 2 1, NOT 1 1'],
  [0x1a, 'BYTE 2 1, SHL 2 1, SHR 2 1, SAR 2 1'],
  [0x20, 'KECCAK256 2 1'],
  [0x30, 'ADDRESS 0 1, BALANCE 1 1, ORIGIN 0 1, CALLER 0 1, CALLVALUE 0 1, CALLDATALOAD 1 1, CALLDATASIZE 0 1'],
  [0x37, 'CALLDATACOPY 3 0, CODESIZE 0 1, CODECOPY 3 0, GASPRICE 0 1, EXTCODESIZE 1 1, EXTCODECOPY 4 0'],
  [0x3d, 'RETURNDATASIZE 0 1, RETURNDATACOPY 3 0, EXTCODEHASH 1 1'],
  [0x40, 'BLOCKHASH 1 1, COINBASE 0 1, TIMESTAMP 0 1, NUMBER 0 1, DIFFICULTY 0 1, GASLIMIT 0 1, CHAINID 0 1'],
  [0x47, 'SELFBALANCE 0 1, BASEFEE 0 1, BLOBHASH 1 1, BLOBBASEFEE 0 1'],
  [0x50, 'POP 1 0, MLOAD 1 1, MSTORE 2 0, MSTORE8 2 0, SLOAD 1 1, SSTORE 2 0, JUMP 1 0, JUMPI 2 0, PC 0 1, MSIZE 0 1'],
  [0x5a, 'GAS 0 1, JUMPDEST 0 0, TLOAD 1 1, TSTORE 2 0, MCOPY 3 0, PUSH0 0 1'],
  [0xa0, 'LOG0 2 0, LOG1 3 0, LOG2 4 0, LOG3 5 0, LOG4 6 0'],
  [0xf0, 'CREATE 3 1, CALL 7 1, CALLCODE 7 1, RETURN 2 0, DELEGATECALL 6 1, CREATE2 4 1'],
  [0xfa, 'STATICCALL 6 1'],
  [0xfd, 'REVERT 2 0, INVALID 0 0, SELFDESTRUCT 1 0'],
];

const FACTS: readonly OpcodeFacts[] = createFacts();

/** By opcode; undefined ones have geth's text for a name. */
export function opcodeFacts(opcode: number): OpcodeFacts {
  return FACTS[opcode] as OpcodeFacts;
}

/** Why the opcode cannot run on a stack of this height, in geth's wording; undefined when it can. */
export function stackProblem(opcode: number, height: number): string | undefined {
  const { pops, pushes } = opcodeFacts(opcode);
  if (height < pops) return `stack underflow (${height} <=> ${pops})`;
  const highest = STACK_LIMIT + pops - pushes;
  return height > highest ? `stack limit reached ${height} (${highest})` : undefined;
}

function createFacts(): OpcodeFacts[] {
  const facts = Array.from({ length: 256 }, (_, opcode): OpcodeFacts => {
    return { name: `opcode 0x${opcode.toString(16)} not defined`, pops: 0, pushes: 0 };
  });
  for (const [first, run] of RUNS) {
    for (const [i, entry] of run.split(', ').entries()) {
      const [name, pops, pushes] = entry.split(' ') as [string, string, string];
      facts[first + i] = { name, pops: Number(pops), pushes: Number(pushes) };
    }
  }
  for (let n = 1; n <= 32; n++) facts[0x5f + n] = { name: `PUSH${n}`, pops: 0, pushes: 1 };
  for (let n = 1; n <= 16; n++) {
    facts[0x7f + n] = { name: `DUP${n}`, pops: n, pushes: n + 1 };
    facts[0x8f + n] = { name: `SWAP${n}`, pops: n + 1, pushes: n + 1 };
  }
  return facts;
}
