import { Agent, createServer, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type Balancer, type Control, startBalancer } from '@kuperator/aliyun-slb-server';
import { isTerminating, type Pod } from '@kuperator/api';

/** Requests of a run, and the first errors. */
export type Tally = { readonly sent: number; readonly failed: number; readonly errors: readonly string[] };

/** What of an informer of Pods is used. */
type Pods = { list(): readonly Pod[]; onChange(call: (change: { object: Pod }) => void): void };

type Container = { readonly id: string; readonly server: Server };

/** Nobody listens there: a connection is refused, as at an address whose container has ended. */
const CLOSED_PORT = 1;
const SENDERS = 4;
const TIMEOUT_MS = 3000;

/**
 * Sends requests without pause through a balancer that follows a local SLB server, to local processes that stand for the containers of
 * Pods. As a kubelet does, a container is ended at once when its Pod is deleted or its image changes, with all its connections: an
 * operation that does not wait for the traffic is seen as failed requests.
 */
export class BalancedTraffic implements AsyncDisposable {
  readonly #containers = new Map<string, Container>();
  readonly #pods: Pods;
  #balancer: Balancer | undefined;
  #isSending = false;
  #sent = 0;
  #failed = 0;
  readonly #errors: string[] = [];
  #senders: Promise<unknown> = Promise.resolve();

  constructor(pods: Pods) {
    this.#pods = pods;
    pods.onChange(() => this.#follow());
    this.#follow();
  }

  /** Starts the balancer, and waits until a request succeeds. */
  async start(control: Control, loadBalancerId: string): Promise<void> {
    const portOf = (ip: string) =>
      (this.#containers.get(ip)?.server.address() as AddressInfo | null | undefined)?.port ?? CLOSED_PORT;
    const balancer = await startBalancer({ control, portOf, connectionDrainMs: 1000 });
    this.#balancer = balancer;
    const port = balancer.port(loadBalancerId, 80);
    if (port === undefined) throw new Error(`load balancer ${loadBalancerId} has no listener on port 80`);
    this.#isSending = true;
    this.#senders = Promise.all(Array.from({ length: SENDERS }, () => this.#send(port)));
  }

  /** Stops sending. @returns what was sent since the start */
  async tally(): Promise<Tally> {
    this.#isSending = false;
    await this.#senders;
    return { sent: this.#sent, failed: this.#failed, errors: this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.tally();
    await this.#balancer?.stop();
    for (const { server } of this.#containers.values()) end(server);
  }

  async #send(port: number): Promise<void> {
    // One connection for each request, so that each is balanced anew.
    const agent = new Agent({ keepAlive: false });
    while (this.#isSending) {
      const error = await once(port, agent);
      this.#sent++;
      if (error === undefined) continue;
      this.#failed++;
      if (this.#errors.length < 10) this.#errors.push(`${new Date().toISOString()} ${error}`);
    }
    agent.destroy();
  }

  #follow(): void {
    const running = new Map(this.#pods.list().flatMap(containerOf));
    for (const [ip, { id, server }] of this.#containers) {
      if (running.get(ip) === id) continue;
      end(server);
      this.#containers.delete(ip);
    }
    for (const [ip, id] of running) {
      if (this.#containers.has(ip)) continue;
      const server = createServer((_, response) => response.end('ok'));
      server.listen(0, '127.0.0.1');
      this.#containers.set(ip, { id, server });
    }
  }
}

/** Address and id of the container that runs; none if the kubelet ends it. */
function containerOf(pod: Pod): [string, string][] {
  const { podIP, containerStatuses = [] } = pod.status ?? {};
  const [status] = containerStatuses;
  const isCurrent = status?.image === pod.spec.containers[0]?.image && status?.state?.running !== undefined;
  return podIP && status && isCurrent && !isTerminating(pod) ? [[podIP, String(status.containerID)]] : [];
}

function end(server: Server): void {
  server.close();
  server.closeAllConnections();
}

/** @returns the error of a request that failed */
function once(port: number, agent: Agent): Promise<string | undefined> {
  return new Promise((resolve) => {
    const sent = request({ host: '127.0.0.1', port, agent, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode === 200 ? undefined : `status ${response.statusCode}`));
      response.on('error', (error) => resolve(String(error)));
    });
    sent.on('timeout', () => sent.destroy(new Error('no answer in time')));
    sent.on('error', (error) => resolve(String(error)));
    sent.end();
  });
}
