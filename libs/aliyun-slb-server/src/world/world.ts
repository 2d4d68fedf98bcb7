import { ApiError } from '../api/api-error.ts';
import { applyJob } from './jobs.ts';
import { DEFAULT_SETTINGS, type SlbSettings } from './settings.ts';
import { type Backend, emptyState, type Job, type Listener, type LoadBalancer, type State } from './state.ts';

/** The health of a backend at one listener. */
export type BackendHealth = 'normal' | 'abnormal' | 'unavailable';

/** What a test says about the health of backends, in place of what time says. */
export type HealthRule = { serverIp?: string; serverId?: string; port?: number; health: BackendHealth };

/** Jobs that have ended are forgotten when there are so many. */
const KEPT_JOBS = 1000;

/** The load balancers, the time they live in, and what reads show of them. */
export class World {
  settings: SlbSettings;
  readonly healthRules: HealthRule[] = [];
  /** The network interfaces of addresses, where a test has set them; undefined means that no interface has the address. */
  readonly interfaces = new Map<string, string | undefined>();
  readonly #now: () => number;
  readonly #state: State = emptyState();
  #advancedMs = 0;
  #lastId = 0;
  /** States as they were after each change, oldest first; kept only while reads lag behind. */
  readonly #history: { atMs: number; state: State }[] = [];

  constructor(now: () => number, settings: Partial<SlbSettings>) {
    this.#now = now;
    this.settings = { ...DEFAULT_SETTINGS, ...settings };
  }

  now(): number {
    return this.#now() + this.#advancedMs;
  }

  advance(ms: number): void {
    this.#advancedMs += ms;
  }

  /** The present state, with every job applied that is due. Change it only within {@link change}. */
  state(): State {
    const due = [...this.#state.jobs.values()].filter(
      (job) => job.status === 'Processing' && job.dueAtMs <= this.now(),
    );
    for (const job of due.toSorted((a, b) => a.dueAtMs - b.dueAtMs)) {
      this.#remember(job.dueAtMs, () => applyJob(this.#state, job));
    }
    return this.#state;
  }

  /** Runs `write` on the present state. If it throws, it must not have changed anything. */
  change<T>(write: (state: State) => T): T {
    const state = this.state();
    return this.#remember(this.now(), () => write(state));
  }

  /** The state as reads show it: `staleReadMs` old. */
  visible(): State {
    const state = this.state();
    if (this.settings.staleReadMs <= 0) return state;
    const atMs = this.now() - this.settings.staleReadMs;
    const old = this.#history.findLast((each) => each.atMs <= atMs);
    // Without a state that is old enough, the oldest known one was valid at that time.
    return old?.state ?? this.#history[0]?.state ?? state;
  }

  /** Adds a job of NLB that takes effect after `jobMs`. */
  addJob(state: State, job: Omit<Job, 'id' | 'dueAtMs' | 'status'>): string {
    for (const [old, { status }] of state.jobs) {
      if (state.jobs.size < KEPT_JOBS) break;
      if (status !== 'Processing') state.jobs.delete(old);
    }
    const id = this.newId('job');
    state.jobs.set(id, { ...job, id, dueAtMs: this.now() + this.settings.jobMs, status: 'Processing' });
    return id;
  }

  newId(prefix: string): string {
    return `${prefix}-${(++this.#lastId).toString(36).padStart(12, '0')}`;
  }

  /** The health of `backend` at `listener`. */
  healthOf(backend: Backend, listener: Pick<Listener, 'isHealthChecked'>): BackendHealth {
    if (!listener.isHealthChecked) return 'unavailable';
    const rule = this.healthRules.findLast(
      (each) =>
        (each.serverIp ?? backend.serverIp) === backend.serverIp &&
        (each.serverId ?? backend.serverId) === backend.serverId &&
        (each.port ?? backend.port) === backend.port,
    );
    if (rule) return rule.health;
    return this.now() >= backend.addedAtMs + this.settings.healthDelayMs ? 'normal' : 'unavailable';
  }

  /** The network interface that has `address`. Each address has one of its own, unless a test says otherwise. */
  interfaceOf(address: string): string | undefined {
    return this.interfaces.has(address) ? this.interfaces.get(address) : `eni-${address.replaceAll(/[.:]/g, '-')}`;
  }

  /** @throws ApiError if the CLB instance still applies its last change */
  checkNotConfiguring(balancer: LoadBalancer, code: 'BackendServer.configuring' | 'ServiceIsConfiguring'): void {
    if (this.now() >= balancer.configuringUntilMs) return;
    throw new ApiError(400, code, 'A previous configuration of the load balancer is pending; please try again later.');
  }

  /** Starts the time in which the CLB instance refuses writes. */
  beginConfiguring(balancer: LoadBalancer): void {
    balancer.configuringUntilMs = this.now() + this.settings.configuringMs;
  }

  #remember<T>(atMs: number, write: () => T): T {
    if (this.settings.staleReadMs <= 0) {
      this.#history.length = 0;
      return write();
    }
    if (this.#history.length === 0) this.#history.push({ atMs: 0, state: structuredClone(this.#state) });
    const result = write();
    this.#history.push({ atMs, state: structuredClone(this.#state) });
    const oldestMs = this.now() - this.settings.staleReadMs;
    while (this.#history[1] && this.#history[1].atMs <= oldestMs) this.#history.shift();
    return result;
  }
}
