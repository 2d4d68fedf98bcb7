import type { CallOptions, CloudApi } from './api.ts';

type Interfaces = {
  NetworkInterfaceSets?: {
    NetworkInterfaceSet?: {
      NetworkInterfaceId?: string;
      PrivateIpSets?: { PrivateIpSet?: { PrivateIpAddress?: string }[] };
    }[];
  };
};

/** The API takes so many addresses in a call. */
const BATCH = 100;
const KEPT = 20_000;

/**
 * Finds the network interface that has a Pod's address. It is remembered for the life of the Pod: Terway gives an address to another
 * interface only after its Pod has ended.
 */
export class NetworkInterfaces {
  readonly #api: Pick<CloudApi, 'call'>;
  /** By uid and address of the Pod. */
  readonly #known = new Map<string, string>();

  constructor(api: Pick<CloudApi, 'call'>) {
    this.#api = api;
  }

  /** @returns ids of interfaces by address; without the addresses that no interface has */
  async idsOf(
    pods: readonly { readonly uid: string; readonly ip: string }[],
    options: CallOptions,
  ): Promise<ReadonlyMap<string, string>> {
    const missing = pods.filter(({ uid, ip }) => !this.#known.has(`${uid} ${ip}`));
    for (let from = 0; from < missing.length; from += BATCH) {
      const batch = missing.slice(from, from + BATCH);
      const found = await this.#ask([...new Set(batch.map(({ ip }) => ip))], options);
      for (const { uid, ip } of batch) {
        const id = found.get(ip);
        if (id !== undefined) this.#known.set(`${uid} ${ip}`, id);
      }
    }
    for (const key of this.#known.keys()) {
      if (this.#known.size <= KEPT) break;
      this.#known.delete(key);
    }
    return new Map(
      pods.flatMap(({ uid, ip }): [string, string][] => {
        const id = this.#known.get(`${uid} ${ip}`);
        return id === undefined ? [] : [[ip, id]];
      }),
    );
  }

  async #ask(ips: readonly string[], options: CallOptions): Promise<ReadonlyMap<string, string>> {
    const addresses = Object.fromEntries(ips.map((ip, index) => [`PrivateIpAddress.${index + 1}`, ip]));
    const { NetworkInterfaceSets } = await this.#api.call<Interfaces>(
      { product: 'Ecs', action: 'DescribeNetworkInterfaces', parameters: { ...addresses, PageSize: BATCH } },
      options,
    );
    const asked = new Set(ips);
    return new Map(
      (NetworkInterfaceSets?.NetworkInterfaceSet ?? []).flatMap(({ NetworkInterfaceId = '', PrivateIpSets }) =>
        (PrivateIpSets?.PrivateIpSet ?? []).flatMap(({ PrivateIpAddress = '' }): [string, string][] =>
          asked.has(PrivateIpAddress) ? [[PrivateIpAddress, NetworkInterfaceId]] : [],
        ),
      ),
    );
  }
}
