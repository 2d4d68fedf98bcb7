import type { KubeClient } from '@kuperator/runtime';

type ApiResourceList = { resources?: readonly { name: string }[] };

/**
 * Whether the API server serves `pods/resize` (Kubernetes 1.33 and later). Asked once: an upgrade of the API server is seen when the
 * operator next starts.
 */
export function resizeDiscovery(client: Pick<KubeClient, 'request'>): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  const ask = async () => {
    const { resources } = await client.request<ApiResourceList>('GET', '/api/v1', {});
    return resources?.some(({ name }) => name === 'pods/resize') ?? false;
  };
  return () => {
    answer ??= ask().catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}
