import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';

/** Linux counts processor time in hundredths of a second, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100;

/** Processor seconds of a process, by the names of its threads (see proc_pid_stat(5)). */
export function threadSeconds(pid: number): Map<string, number> {
  const seconds = new Map<string, number>();
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const { name, used } = usageIn(`/proc/${pid}/task/${thread}/stat`);
    seconds.set(name, (seconds.get(name) ?? 0) + used);
  }
  return seconds;
}

/** Processor seconds of a process, with those of threads that ended. */
export function processSeconds(pid: number): number {
  return usageIn(`/proc/${pid}/stat`).used;
}

/** Processor seconds of the first thread of a process, on which its main program runs. */
export function mainThreadSeconds(pid: number): number {
  return usageIn(`/proc/${pid}/task/${pid}/stat`).used;
}

function usageIn(file: string): { readonly name: string; readonly used: number } {
  const stat = readFileSync(file, 'utf8');
  const nameEnd = stat.lastIndexOf(')');
  // Behind the name: state is field 3, user and system time are 14 and 15.
  const fields = stat.slice(nameEnd + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return { name: stat.slice(stat.indexOf('(') + 1, nameEnd), used: ticks / TICKS_PER_SECOND };
}

/** Resident memory of a process, now and at most, bytes. */
export function residentBytes(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const kib = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);
  return { now: kib('VmRSS') * 1024, peak: kib('VmHWM') * 1024 };
}

/** Keeps all threads of a process on one core; false where there is one core only, or no taskset. */
export function pin(pid: number, core: number): boolean {
  if (availableParallelism() <= core && core > 0) return false;
  try {
    execFileSync('taskset', ['-a', '-p', '-c', `${core}`, `${pid}`], { stdio: 'pipe' });
    return true;
  } catch {
    return false;
  }
}
