/** One Pod in the registry, as the registry answers it. */
export type Member = {
  readonly id: string;
  readonly podName: string;
  readonly address: string;
  /** `draining`: gets no new requests, and disappears when its last request has ended. */
  readonly state: 'serving' | 'draining';
};

/** Calls the registry. Each call throws if the registry cannot be reached or answers with an error. */
export class Registry {
  readonly #url: string;

  constructor(url: string) {
    this.#url = url;
  }

  async members(service: string, signal: AbortSignal): Promise<readonly Member[]> {
    const response = await this.#request('GET', `/services/${service}/members`, { signal });
    return (await response.json()) as readonly Member[];
  }

  async register(service: string, { id, podName, address }: Member, signal: AbortSignal): Promise<void> {
    await this.#request('PUT', `/services/${service}/members/${id}`, { signal, body: { podName, address } });
  }

  /** Begins to drain the member. The registry removes it at the end of the drain. */
  async drain(service: string, id: string, signal: AbortSignal): Promise<void> {
    await this.#request('DELETE', `/services/${service}/members/${id}`, { signal });
  }

  async #request(method: string, path: string, { signal, body }: { signal: AbortSignal; body?: object }) {
    const response = await fetch(`${this.#url}${path}`, {
      method,
      body: body ? JSON.stringify(body) : null,
      signal: AbortSignal.any([signal, AbortSignal.timeout(5000)]),
    });
    if (!response.ok) throw new Error(`${method} ${path}: the registry answered ${response.status}`);
    return response;
  }
}
