import type { Manifest } from './manifests.ts';

type Configuration = Manifest & {
  webhooks?: { name: string; clientConfig: { url?: string; service?: { name: string; path?: string } } }[];
};

const GATE_KINDS = ['MutatingAdmissionPolicy', 'MutatingWebhookConfiguration'];

/** Problems that keep the API server from reaching and trusting a chart's webhooks, or Pods from getting their readiness gate in exactly one way. */
export function webhookProblems(manifests: readonly Manifest[]): string[] {
  const configurations = manifests.filter(({ kind }) => kind.endsWith('WebhookConfiguration')) as Configuration[];
  const services = manifests.filter(({ kind }) => kind === 'Service').map(({ metadata }) => metadata.name);
  const unreachable = configurations.flatMap(({ kind, webhooks = [] }) =>
    webhooks
      .filter(({ clientConfig: { url, service } }) => !url && !services.includes(service?.name ?? ''))
      .map(({ name }) => `${kind}: ${name} has no Service`),
  );
  const untold = configurations
    .filter((configuration) => !manifests.some((role) => mayPatch(role, configuration)))
    .map(({ kind }) => `${kind}: no role may write the token and the CA into it`);
  const overwritten = configurations.flatMap(({ kind, webhooks = [] }) =>
    webhooks
      .filter(({ clientConfig: { service } }) => service?.path !== undefined)
      .map(({ name }) => `${kind}: ${name} has a path, by which an upgrade takes away the one with the token`),
  );
  const gates = manifests.filter(({ kind }) => GATE_KINDS.includes(kind));
  const isCoordinators = manifests.some(({ metadata }) => metadata.name.startsWith('lifecycle-labels.'));
  return [
    ...unreachable,
    ...untold,
    ...overwritten,
    ...(isCoordinators && gates.length !== 1
      ? [`readiness gates come by ${gates.length} ways: there must be one`]
      : []),
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
