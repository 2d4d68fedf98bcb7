// Where the adapter may have put servers of a Service. It is written on the Service before the first server is added, so that they are found
// again and removed after a restart, and after the user has named another load balancer or group.

import { own, SERVICES, type Service } from '@kuperator/api';
import type { Provider, ProviderRecord } from '@kuperator/resourceconsist';
import type { KubeClient } from '@kuperator/runtime';
import { settingsOf } from './settings.ts';

/** Annotation of the adapter: `<product>/<load balancer>/<server group>`, separated by commas. */
export const SERVERS_IN = 'slb.resource-consist.kusionstack.io/servers-in';

/** A server group of a load balancer. */
export type Place = { readonly product: 'clb' | 'nlb'; readonly loadBalancer: string; readonly group: string };

export function placeKey({ product, loadBalancer, group }: Place): string {
  return `${product}/${loadBalancer}/${group}`;
}

/** Where the settings of the Service want its Pods to be servers. */
export function wantedPlaces(service: Service): readonly (Place & { readonly targetPort: number | string })[] {
  const { product, loadBalancer, managed } = settingsOf(service).settings;
  if (!managed || loadBalancer === undefined) return [];
  return managed.groups.map(({ group, targetPort }) => ({ product, loadBalancer, group, targetPort }));
}

/** Where the adapter has, or had, servers of the Service. */
export function recordedPlaces(service: Service): readonly Place[] {
  const text = own(service.metadata.annotations, SERVERS_IN) ?? '';
  return text.split(',').flatMap((part): Place[] => {
    const [product, loadBalancer, group, ...rest] = part.split('/');
    if ((product !== 'clb' && product !== 'nlb') || !loadBalancer || !group || rest.length > 0) return [];
    return [{ product, loadBalancer, group }];
  });
}

/** Wanted and recorded ones, each once. */
export function allPlaces(service: Service): readonly Place[] {
  const places = [...wantedPlaces(service), ...recordedPlaces(service)];
  return [...new Map(places.map((place) => [placeKey(place), place])).values()];
}

type PlaceRecord = ProviderRecord & { readonly place: Place };

export type PlacesDeps = {
  readonly client: Pick<KubeClient, 'patch'>;
  /** Whether the last read of the place has shown that no server of the Service is left there. */
  readonly isEmpty: (service: Service, place: Place) => boolean;
};

/** The employer's half of the backend: its records are the places, kept on the Service itself. */
export function places({ client, isEmpty }: PlacesDeps): Provider<Service, PlaceRecord> {
  const recordOf = (place: Place): PlaceRecord => ({ id: placeKey(place), place });
  async function write(service: Service, kept: readonly string[]): Promise<void> {
    const { name = '', namespace = '', uid, resourceVersion } = service.metadata;
    const annotations = { [SERVERS_IN]: kept.length > 0 ? kept.join(',') : null };
    await client.patch(
      SERVICES,
      { namespace, name },
      { type: 'merge', body: { metadata: { uid, resourceVersion, annotations } } },
    );
  }
  return {
    expected: (service) =>
      wantedPlaces(service).map(({ product, loadBalancer, group }) => recordOf({ product, loadBalancer, group })),
    current: (service) => recordedPlaces(service).map(recordOf),
    async create(service, items) {
      await write(service, [...recordedPlaces(service).map(placeKey), ...items.map(({ id }) => id)]);
      return undefined;
    },
    update: () => Promise.resolve(undefined),
    async delete(service, items) {
      const empty = items.filter(({ place }) => isEmpty(service, place));
      if (empty.length === 0) return { succeeded: [] };
      const gone = new Set(empty.map(({ id }) => id));
      await write(
        service,
        recordedPlaces(service)
          .map(placeKey)
          .filter((key) => !gone.has(key)),
      );
      return { succeeded: empty };
    },
  };
}
