import { expect, test } from 'vitest';
import type { Manifest } from './manifests.ts';
import { webhookProblems } from './webhooks.ts';

const service: Manifest = { kind: 'Service', metadata: { name: 'hook' } };
const trust = { resources: ['mutatingwebhookconfigurations'], resourceNames: ['ours'], verbs: ['get', 'patch'] };
const role: Manifest = { kind: 'ClusterRole', metadata: { name: 'trust' }, rules: [trust] };
const policy: Manifest = { kind: 'MutatingAdmissionPolicy', metadata: { name: 'gate' } };
const rules: Manifest = { kind: 'ValidatingAdmissionPolicy', metadata: { name: 'lifecycle-labels.ours' } };

function aWebhook(clientConfig: object = { service: { name: 'hook' } }): Manifest {
  const metadata = { name: 'ours' };
  return { kind: 'MutatingWebhookConfiguration', metadata, webhooks: [{ name: 'a', clientConfig }] } as Manifest;
}

test.each([
  { name: 'a chart without any', manifests: [service] },
  { name: 'a webhook with Service and right', manifests: [aWebhook(), service, role] },
  { name: 'a webhook reached by URL', manifests: [aWebhook({ url: 'https://127.0.0.1' }), role] },
  { name: 'gates by policy', manifests: [rules, policy] },
  { name: 'gates by webhook', manifests: [rules, aWebhook(), service, role] },
])('$name is sound', ({ manifests }) => {
  expect(webhookProblems(manifests)).toEqual([]);
});

test.each([
  { name: 'no Service', manifests: [aWebhook(), role], problem: 'a has no Service' },
  { name: 'no right', manifests: [aWebhook(), service], problem: 'no role may write the token and the CA into it' },
  {
    name: 'a right to another one',
    manifests: [aWebhook(), service, { ...role, rules: [{ ...trust, resourceNames: ['theirs'] }] }],
    problem: 'no role may write the token and the CA into it',
  },
  {
    name: 'a path',
    manifests: [aWebhook({ service: { name: 'hook', path: '/pods' } }), service, role],
    problem: 'a has a path',
  },
  { name: 'no gates', manifests: [rules], problem: 'by 0 ways' },
  { name: 'gates twice', manifests: [rules, policy, aWebhook(), service, role], problem: 'by 2 ways' },
])('$name is a problem', ({ manifests, problem }) => {
  expect(webhookProblems(manifests).join()).toContain(problem);
});
