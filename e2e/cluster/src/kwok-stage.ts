export type Stage = { apiVersion: string; kind: 'Stage'; metadata: { name: string }; spec: object };

/** A selector that matches if a jq expression is true. */
export function jqTrue(expression: string): { key: string; operator: 'In'; values: ['true'] } {
  return { key: expression, operator: 'In', values: ['true'] };
}

/** A KWOK Stage of a core kind. */
export function stage(name: string, matchExpressions: readonly object[], spec: object, kind = 'Pod'): Stage {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, ...spec },
  };
}
