import type { Service } from '@kuperator/api';
import { ConfigError } from '@kuperator/runtime';
import { settingsOf } from './settings.ts';

/**
 * Which namespaces may have the adapter move the backends of which load balancers. Without it, anyone who may write a Service could send himself
 * the requests of any load balancer of the account.
 * @param text `<namespace>/<load balancer>`, separated by commas; each part may be `*`
 * @throws ConfigError if an entry has another form
 */
export function allowedBalancers(text: string): (service: Service) => boolean {
  const entries = text
    .split(',')
    .map((entry) => entry.trim())
    .filter(Boolean)
    .map((entry) => {
      const match = /^([a-z0-9-]{1,63}|\*)\/([A-Za-z0-9-]{1,64}|\*)$/.exec(entry);
      if (match) return { namespace: match[1], loadBalancer: match[2] };
      throw new ConfigError(
        `ALIYUN_MANAGED_LOAD_BALANCERS has ${JSON.stringify(entry)}: allowed are <namespace>/<load balancer>, each of which may be *, separated by commas`,
      );
    });
  const fits = (pattern: string | undefined, value: string | undefined) => pattern === '*' || pattern === value;
  return (service) => {
    const { loadBalancer } = settingsOf(service).settings;
    return entries.some(
      (entry) => fits(entry.namespace, service.metadata.namespace) && fits(entry.loadBalancer, loadBalancer),
    );
  };
}
