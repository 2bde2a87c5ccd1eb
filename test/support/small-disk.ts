import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  statfsSync,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { errorMessage, StrobeError } from '../../src/util/errors.ts';

/** Mounts on its own: with the rights of the user's own name space, or of root where there are none. */
const UNSHARE = process.getuid?.() === 0 ? ['--mount'] : ['--user', '--map-root-user', '--mount'];
/** Says that it is there, and lives until its standard input ends: with the test, whatever ends that. */
const HOLDER = 'mount -t tmpfs -o "size=$1" tmpfs "$2" && echo mounted && exec cat';
const FILLER = 'filler';
const FILL_STEP_BYTES = 4 * 1024;

/** Why small disks cannot be had here; undefined when they can. */
export function noSmallDisks(): string | undefined {
  if (process.platform !== 'linux') return 'a small disk needs Linux name spaces';
  try {
    execFileSync('unshare', [...UNSHARE, 'true'], { stdio: 'pipe' });
    return undefined;
  } catch (error) {
    return `unshare ${UNSHARE.join(' ')} does not work: ${errorMessage(error)}`;
  }
}

/**
 * A file system of a few megabytes in memory at a path. It is mounted in the name space of a helper process and reached
 * through a link to there, so that it goes with the helper and the machine's own mounts stay as they are.
 */
export class SmallDisk implements AsyncDisposable {
  readonly #holder: ChildProcess;
  readonly #mountPoint: string;
  readonly #folder: string;

  private constructor(holder: ChildProcess, mountPoint: string) {
    this.#holder = holder;
    this.#mountPoint = mountPoint;
    this.#folder = join(`/proc/${holder.pid}/root`, mountPoint);
  }

  /** @param path the folder whose place it takes, with all that is in there; it need not be there */
  static async create(path: string, bytes: number): Promise<SmallDisk> {
    const mountPoint = mkdtempSync(join(tmpdir(), 'strobe-disk-'));
    const holder = spawn('unshare', [...UNSHARE, 'sh', '-c', HOLDER, 'sh', `${bytes}`, mountPoint], {
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    const [line] = await Promise.race([once(createInterface({ input: holder.stdout }), 'line'), once(holder, 'exit')]);
    if (line !== 'mounted') throw new StrobeError('MOUNT_FAILED', `no file system could be mounted: ${line}`);
    const disk = new SmallDisk(holder, mountPoint);
    if (existsSync(path)) cpSync(path, disk.#folder, { recursive: true });
    rmSync(path, { recursive: true, force: true });
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(disk.#folder, path);
    return disk;
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }

  /** Leaves about so much room. */
  fill(leaveBytes: number): void {
    const file = openSync(join(this.#folder, FILLER), 'a');
    const step = new Uint8Array(FILL_STEP_BYTES);
    try {
      while (this.freeBytes >= leaveBytes + FILL_STEP_BYTES) writeSync(file, step);
    } finally {
      closeSync(file);
    }
  }

  /** Takes what {@link SmallDisk.fill} wrote away. */
  makeRoom(): void {
    rmSync(join(this.#folder, FILLER), { force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#holder.exitCode === null) {
      this.#holder.stdin?.end();
      await once(this.#holder, 'exit');
    }
    rmSync(this.#mountPoint, { recursive: true, force: true });
  }
}
