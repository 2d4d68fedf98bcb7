import { type KubeClient, outsidePass } from '@kuperator/runtime';

type ApiResourceList = { resources?: readonly { name: string }[] };

/**
 * Finds out whether the API server serves `pods/resize` (Kubernetes 1.33 and later). It asks once, so the operator notices an upgrade of the
 * API server only after a restart.
 */
export function resizeDiscovery(client: Pick<KubeClient, 'request'>): () => Promise<boolean> {
  let answer: Promise<boolean> | undefined;
  const ask = async () => {
    const { resources } = await client.request<ApiResourceList>('GET', '/api/v1', {});
    return resources?.some(({ name }) => name === 'pods/resize') ?? false;
  };
  return () => {
    // Other passes wait for the same answer, so the end of this pass must not end the request.
    answer ??= outsidePass(ask).catch((error: unknown) => {
      answer = undefined;
      throw error;
    });
    return answer;
  };
}
