import { readFile } from 'node:fs/promises';
import { baseEnv, type Cluster, waitUntil } from '@kuperator/cluster';

export type Failure = { atMs: number; tookMs: number; error: string };
type Counts = { sent: number; failed: number; done: boolean };

const mostRequests = 60_000;
const deadlineMs = 30_000;

type LoadOptions = {
  /** Part of the name of the process. */
  readonly name: string;
  /** Path of the program that sends the requests. */
  readonly program: string;
  readonly url: string;
  /** Requests per second. */
  readonly rate: number;
};

/** Sends continuous requests, each over its own connection, to a Service's address. */
export class Load {
  readonly #cluster: Cluster;
  readonly #name: string;

  private constructor(cluster: Cluster, name: string) {
    this.#cluster = cluster;
    this.#name = name;
  }

  /** Starts the program at `program`, and returns once the first requests have been answered. */
  static async start(cluster: Cluster, { name, program, url, rate }: LoadOptions): Promise<Load> {
    const process = `load-${name}`;
    await cluster.run({
      name: process,
      command: program,
      args: [`-url=${url}`, `-rate=${rate}`, `-most=${mostRequests}`],
      env: baseEnv(globalThis.process.env),
      readyTimeoutMs: deadlineMs,
      graceful: true,
    });
    const load = new Load(cluster, process);
    await load.sent(10);
    return load;
  }

  /** Waits until at least `count` requests have been answered, or failed. */
  async sent(count: number): Promise<void> {
    const enough = async () => (await this.counts()).sent >= count;
    await waitUntil(enough, { what: `${count} requests`, timeoutMs: deadlineMs + count * 20, everyMs: 100 });
  }

  async counts(): Promise<Counts> {
    const counts = (await this.#lines()).filter((line): line is Counts => 'sent' in line);
    return counts.at(-1) ?? { sent: 0, failed: 0, done: false };
  }

  /** Stops the program and waits for the outstanding answers. */
  async stop(): Promise<{ counts: Counts; failures: readonly Failure[] }> {
    await this.#cluster.stop(this.#name);
    return { counts: await this.counts(), failures: (await this.#lines()).filter((line) => 'error' in line) };
  }

  async #lines(): Promise<readonly (Counts | Failure)[]> {
    const file = this.#cluster.processes().find(({ name }) => name === this.#name)?.logFile;
    if (file === undefined) throw new Error(`no process ${this.#name}`);
    const lines = (await readFile(file, 'utf8'))
      .split('\n')
      .filter((line) => line.startsWith('{') && line.endsWith('}'));
    return lines.map((line) => JSON.parse(line) as Counts | Failure);
  }
}
