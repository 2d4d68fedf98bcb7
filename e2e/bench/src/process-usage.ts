import { readFile } from 'node:fs/promises';

/** CPU seconds since the process began, and its present and highest resident memory. */
type ProcessUsage = { readonly cpuSeconds: number; readonly residentMiB: number; readonly peakMiB: number };

/** Clock ticks a second in /proc: 100 on every Linux that Node.js supports. */
const TICKS_PER_SECOND = 100;

/** @throws Error if there is no such process */
export async function usageOf(pid: number): Promise<ProcessUsage> {
  const [stat, status] = await Promise.all([
    readFile(`/proc/${pid}/stat`, 'utf8'),
    readFile(`/proc/${pid}/status`, 'utf8'),
  ]);
  // The command name may hold spaces; fields are counted after its closing parenthesis (field 3 is the first there).
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[11]) + Number(fields[12]);
  return {
    cpuSeconds: ticks / TICKS_PER_SECOND,
    residentMiB: mebibytes(status, 'VmRSS'),
    peakMiB: mebibytes(status, 'VmHWM'),
  };
}

function mebibytes(status: string, field: string): number {
  return Math.round(Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0) / 1024);
}
