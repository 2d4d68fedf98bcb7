// The Pods to which the packet filter sends new connections, from the changes that the kernel reports: what kube-proxy has really applied.
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

/** From this moment on new connections may reach the address, or cannot reach it. */
export type RouteChange = { atMs: number; ip: string; routed: boolean };

/**
 * Reads the lines of `xtables-monitor --event`. A rule of a Service's chain names the endpoint in its comment. kube-proxy replaces
 * whole chains in one transaction, so only the state at the end of a transaction counts.
 */
export class RouteReader {
  readonly #rules = new Map<string, number>();
  readonly #touched = new Set<string>();
  readonly #routed = new Set<string>();

  /** The changes of the transaction that ends with `line`, which was read at `atMs`. */
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

/** Watches the packet filter until `stop`. It must start before the first Service is created. */
export class RouteMonitor {
  readonly #child: ChildProcess;

  constructor(onChange: (change: RouteChange) => void) {
    const reader = new RouteReader();
    // By default a program that writes to a pipe buffers its lines.
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
