import { expect, test } from 'vitest';
import { kubeconfigFor, withToken } from './kubeconfig.ts';

const admin = kubeconfigFor({
  server: 'https://127.0.0.1:1',
  authority: Buffer.from('ca'),
  user: 'admin',
  token: 'secret',
});

test('points its only context at the server with the token', () => {
  expect(JSON.parse(admin)).toMatchObject({
    clusters: [{ cluster: { server: 'https://127.0.0.1:1', 'certificate-authority-data': 'Y2E=' } }],
    users: [{ name: 'admin', user: { token: 'secret' } }],
    contexts: [{ context: { user: 'admin' } }],
    'current-context': 'kuperator',
  });
});

test('replacing the administrator by another user leaves no credentials of the administrator', () => {
  const changed = withToken(admin, 'operator', 'other');
  expect(changed).not.toContain('secret');
  expect(JSON.parse(changed)).toMatchObject({
    clusters: [{ cluster: { server: 'https://127.0.0.1:1' } }],
    users: [{ name: 'operator', user: { token: 'other' } }],
    contexts: [{ context: { user: 'operator' } }],
  });
});
