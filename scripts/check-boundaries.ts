import { globSync, readFileSync } from 'node:fs';
import { boundaryViolations, browserViolations, checkBoundaries } from './boundaries.ts';

// The canary: a check that sees nothing would also report nothing.
const canary = boundaryViolations('src/fullnode/canary.ts', "import '../execution/ethereumjs/engine.ts';");
const browserCanary = browserViolations(() => "import { readFile } from 'node:fs';");
if (canary.length !== 1 || browserCanary.length !== 1) {
  console.error('the boundary check does not see its planted violation');
  process.exit(2);
}

const files = globSync('src/**/*.ts').map((file) => file.replaceAll('\\', '/'));
const violations = [...checkBoundaries(files), ...browserViolations((file) => readFileSync(file, 'utf8'))];
for (const { file, imported, rule } of violations) console.error(`${file}: imports ${imported}: ${rule}`);
console.log(`boundaries: ${files.length} files, ${violations.length} violations`);
if (files.length === 0 || violations.length > 0) process.exit(1);
