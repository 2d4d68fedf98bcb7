import type { EndpointSlice } from '@kuperator/api';
import { aService } from '@kuperator/testing';
import type { BalancedService } from '../ccm/service.ts';

/** A Service of type LoadBalancer with one port, 80 to 8080. */
export function aBalancedService(
  given: { name?: string; annotations?: Record<string, string>; spec?: Record<string, unknown> } = {},
): BalancedService {
  const { name = 'web', annotations = {}, spec = {} } = given;
  const port = { name: 'http', port: 80, protocol: 'TCP', targetPort: 8080, nodePort: 30_080 };
  return aService({
    metadata: { name, annotations },
    spec: { type: 'LoadBalancer', ports: [port], ...spec },
  }) as BalancedService;
}

/** A slice of that Service, with an endpoint for each address; one that ends with `!` is not ready. */
export function aSlice(addresses: readonly string[], { service = 'web', port = 8080 } = {}): EndpointSlice {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name: `${service}-1`, namespace: 'default', labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: addresses.map((text, index) => {
      const address = text.replace('!', '');
      return { addresses: [address], conditions: { ready: address === text }, nodeName: `node-${index % 2}` };
    }),
  };
}
