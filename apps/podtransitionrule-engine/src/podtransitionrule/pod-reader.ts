import { type Key, PODS, type Pod, splitKey, type TransitionRule } from '@kuperator/api';
import { type KubeClient, NotFoundError } from '@kuperator/runtime';
import { asksForFields } from '../webhook/question.ts';

/**
 * Reads the Pods that a webhook is asked about. The cache has only a few of their fields, so if a parameter refers to a field, the Pods
 * are read from the API server. Pods that are gone are left out.
 */
export function podReader(client: Pick<KubeClient, 'get'>) {
  return async (key: Key, { webhook }: TransitionRule, names: readonly string[]): Promise<readonly Pod[]> => {
    const { namespace = '' } = splitKey(key);
    if (!webhook || !asksForFields(webhook)) {
      return names.map((name) => ({ metadata: { namespace, name }, spec: { containers: [] } }));
    }
    const pods = await Promise.all(
      names.map((name) =>
        client.get(PODS, { namespace, name }).catch((error: unknown) => {
          if (error instanceof NotFoundError) return undefined;
          throw new Error(`reading Pod ${namespace}/${name} for its webhook`, { cause: error });
        }),
      ),
    );
    return pods.filter((pod) => pod !== undefined);
  };
}
