export type Stage = { apiVersion: string; kind: 'Stage'; metadata: { name: string }; spec: object };

/** A selector that matches if a jq expression is true. */
export function jqTrue(expression: string): { key: string; operator: 'In'; values: ['true'] } {
  return { key: expression, operator: 'In', values: ['true'] };
}

type StageMatch = {
  /** Name of the Stage. */
  readonly name: string;
  /** Default `Pod`. */
  readonly kind?: string;
  /** Requirements on the object, as of a label selector with jq expressions for keys. */
  readonly match: readonly object[];
};

/** A KWOK Stage of a core kind. */
export function stage({ name, kind = 'Pod', match: matchExpressions }: StageMatch, spec: object): Stage {
  return {
    apiVersion: 'kwok.x-k8s.io/v1alpha1',
    kind: 'Stage',
    metadata: { name },
    spec: { resourceRef: { apiGroup: 'v1', kind }, selector: { matchExpressions }, ...spec },
  };
}
