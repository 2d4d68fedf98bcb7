import type { Manifest } from './manifests.ts';

type Configuration = Manifest & {
  metadata: { annotations?: Record<string, string> };
  webhooks?: { name: string; clientConfig: { url?: string; service?: { name: string } } }[];
};

const GATE_KINDS = ['MutatingAdmissionPolicy', 'MutatingWebhookConfiguration'];

/** What would keep a chart's webhooks from being reached and trusted, and Pods from getting their readiness gate by exactly one way. */
export function webhookProblems(manifests: readonly Manifest[]): string[] {
  const configurations = manifests.filter(({ kind }) => kind.endsWith('WebhookConfiguration')) as Configuration[];
  const services = manifests.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
  const unreachable = configurations.flatMap(({ kind, webhooks = [] }) =>
    webhooks
      .filter(({ clientConfig: { url, service } }) => !url && !services.includes(service?.name ?? ''))
      .map(({ name }) => `${kind}: ${name} has no Service`),
  );
  const untrusted = configurations
    .filter(({ metadata }) => !metadata.annotations?.['cert-manager.io/inject-ca-from'])
    .filter((configuration) => !manifests.some((role) => mayPatch(role, configuration)))
    .map(({ kind }) => `${kind}: nobody may tell it the CA`);
  const gates = manifests.filter(({ kind }) => GATE_KINDS.includes(kind));
  const policies = manifests.some(({ kind }) => kind === 'ValidatingAdmissionPolicy');
  return [
    ...unreachable,
    ...untrusted,
    ...(policies && gates.length !== 1 ? [`readiness gates come by ${gates.length} ways: there must be one`] : []),
  ];
}

function mayPatch({ kind, rules = [] }: Manifest, configuration: Configuration): boolean {
  const plural = `${configuration.kind.toLowerCase()}s`;
  return (
    kind === 'ClusterRole' &&
    rules.some(
      ({ resources = [], resourceNames = [], verbs = [] }) =>
        resources.includes(plural) && resourceNames.includes(configuration.metadata.name) && verbs.includes('patch'),
    )
  );
}
