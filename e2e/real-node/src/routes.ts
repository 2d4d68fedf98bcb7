// Which Pods the packet filter sends new connections to, as the kernel reports each change: what kube-proxy has really applied.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** From this moment on new connections may reach the address, or do not. */
export type RouteChange = { atMs: number; ip: string; routed: boolean };

/**
 * Reads the lines of `xtables-monitor --event`. A rule of a Service's chain names the endpoint in its comment. kube-proxy replaces
 * whole chains in one transaction, so only the state at its end counts.
 */
export class RouteReader {
  readonly #rules = new Map<string, number>();
  readonly #touched = new Set<string>();
  readonly #routed = new Set<string>();

  /** Changes that end with `line`, read at `atMs`. */
  read(line: string, atMs: number): readonly RouteChange[] {
    if (line.startsWith('NEWGEN')) return this.#endTransaction(atMs);
    const [, verb, ip] = /-([AID]) KUBE-SVC-\S+ .*-> (\d+(?:\.\d+){3}):\d+"/.exec(line) ?? [];
    if (verb === undefined || ip === undefined) return [];
    this.#rules.set(ip, (this.#rules.get(ip) ?? 0) + (verb === 'D' ? -1 : 1));
    this.#touched.add(ip);
    return [];
  }

  #endTransaction(atMs: number): readonly RouteChange[] {
    const changes: RouteChange[] = [];
    for (const ip of this.#touched) {
      const routed = (this.#rules.get(ip) ?? 0) > 0;
      if (routed === this.#routed.has(ip)) continue;
      if (routed) this.#routed.add(ip);
      else this.#routed.delete(ip);
      changes.push({ atMs, ip, routed });
    }
    this.#touched.clear();
    return changes;
  }
}

/** Watches the packet filter from before the first Service is made until `stop`. */
export class RouteMonitor {
  readonly #child: ChildProcess;

  constructor(onChange: (change: RouteChange) => void) {
    const reader = new RouteReader();
    // A program that writes to a pipe keeps its lines back unless told otherwise.
    this.#child = spawn('stdbuf', ['-oL', 'xtables-monitor', '--event', '--ipv4'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const { stdout } = this.#child;
    if (!stdout) throw new Error('xtables-monitor has no output');
    createInterface(stdout).on('line', (line) => {
      for (const change of reader.read(line.trim(), Date.now())) onChange(change);
    });
  }

  stop(): void {
    this.#child.kill();
  }
}
