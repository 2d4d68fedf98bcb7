type KubeconfigParts = {
  server: string;
  /** PEM of the authority that signed the server's certificate. */
  authority: Buffer;
  user: string;
  token: string;
  namespace?: string;
};

/** A kubeconfig with one context, as JSON (which is also YAML). */
export function kubeconfigFor({ server, authority, user, token, namespace }: KubeconfigParts): string {
  const cluster = { server, 'certificate-authority-data': authority.toString('base64') };
  const context = { cluster: 'kuperator', user, ...(namespace === undefined ? {} : { namespace }) };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'kuperator', cluster }],
    users: [{ name: user, user: { token } }],
    contexts: [{ name: 'kuperator', context }],
    'current-context': 'kuperator',
  };
  return `${JSON.stringify(config, null, 2)}\n`;
}

/** `kubeconfig` (JSON, as `kubectl config view --raw --flatten --minify -o json` prints it) with `token` instead of its user. */
export function withToken(kubeconfig: string, user: string, token: string): string {
  const config = JSON.parse(kubeconfig) as {
    contexts: { name: string; context: { cluster: string; user: string; namespace?: string } }[];
    users: unknown[];
  };
  const contexts = config.contexts.map(({ name, context }) => ({ name, context: { ...context, user } }));
  return `${JSON.stringify({ ...config, contexts, users: [{ name: user, user: { token } }] }, null, 2)}\n`;
}
