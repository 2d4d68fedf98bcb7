import type { Pod, TransitionRule, TransitionRuleWebhook } from '@kuperator/api';
import { beforeAll, describe, expect, test } from 'vitest';
import { certificatesFor } from '../test/certificates.ts';
import { aPod } from '../test/samples.ts';
import { pollUrl, questionAbout, questionHash, resourceFor, webhookProblem } from './question.ts';

const clientConfig = { url: 'https://approver.ops/ask' };
const rule = (webhook: Partial<TransitionRuleWebhook> = {}, more: Partial<TransitionRule> = {}): TransitionRule => ({
  name: 'ask',
  webhook: { clientConfig, ...webhook },
  ...more,
});

function asked(pod: Pod, about: TransitionRule, traceId: string) {
  const found = resourceFor(pod, about, 1_000_000);
  return questionAbout(found ? [found.resource] : [], about, traceId);
}

describe('a question', () => {
  test('has the form of the Go implementation', () => {
    const parameters = [
      { key: 'fixed', value: 'a', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { key: 'podIP', valueFrom: { fieldRef: { apiVersion: 'v1', fieldPath: 'status.podIP' } } },
    ];
    const pod = { ...aPod({ name: 'pod-a' }), status: { podIP: '10.0.0.1' } };
    expect(asked(pod, rule({ parameters }, { stage: 'PreCheck' }), 'trace')).toEqual({
      traceId: 'trace',
      ruleName: 'ask',
      stage: 'PreCheck',
      resources: [{ apiVersion: 'core/v1', kind: 'Pod', name: 'pod-a', parameters: { fixed: 'a', podIP: '10.0.0.1' } }],
    });
  });

  test('omits a stage and parameters that are not set', () => {
    const question = asked(aPod({ name: 'a' }), rule({ parameters: [] }), 't');
    expect(Object.keys(question)).toEqual(['traceId', 'ruleName', 'resources']);
    expect(Object.keys(question.resources[0] ?? {})).toEqual(['apiVersion', 'kind', 'name']);
  });

  test('counts every byte about a Pod, and stops reading when there are too many', () => {
    const note = 'é"\n'.repeat(1000);
    const pod = aPod({ name: 'a', annotations: { note } });
    const parameters = [1, 2, 3].map((number) => ({
      key: `k${number}`,
      valueFrom: { fieldRef: { fieldPath: "metadata.annotations['note']" } },
    }));
    const { resource, bytes = 0 } = resourceFor(pod, rule({ parameters }), 1_000_000) ?? {};
    const written = Buffer.byteLength(JSON.stringify(resource));
    expect(Math.abs(bytes - written)).toBeLessThan(50);
    let read = 0;
    const counting = {
      ...pod,
      get metadata() {
        read++;
        return pod.metadata;
      },
    };
    expect(resourceFor(counting, rule({ parameters }), 10_000)).toBeUndefined();
    // The name, and the first two parameters: the third is not read.
    expect(read).toBe(3);
  });

  test('is a different one if the approver or the content changes', () => {
    const hashes = [
      rule(),
      rule({ clientConfig: { url: 'https://other.ops/ask' } }),
      rule({ parameters: [{ key: 'a', value: 'b' }] }),
      rule({}, { stage: 'PostCheck' }),
    ].map(questionHash);
    expect(new Set(hashes).size).toBe(4);
  });

  test('stays the same if only the poll URL or the failure policy changes', () => {
    const poll = { url: 'https://approver.ops/poll' };
    const changed = rule({ clientConfig: { ...clientConfig, poll }, failurePolicy: 'Fail' });
    expect(questionHash(changed)).toBe(questionHash(rule()));
  });
});

describe('the URL of a poll', () => {
  test.each([
    { url: 'https://a.b/poll', key: undefined, is: 'https://a.b/poll?task-id=t%261' },
    { url: 'https://a.b/poll', key: '', is: 'https://a.b/poll?task-id=t%261' },
    { url: 'https://a.b', key: 'trace-id', is: 'https://a.b/?trace-id=t%261' },
    { url: 'https://a.b/poll?x=1', key: 'id', is: 'https://a.b/poll?x=1&id=t%261' },
  ])('of $url with key $key', ({ url, key, is }) => {
    expect(pollUrl({ url, ...(key === undefined ? {} : { rawQueryKey: key }) }, 't&1')).toBe(is);
  });
});

describe('certificates in base64', () => {
  let bundle: string;
  beforeAll(async () => {
    bundle = Buffer.from((await certificatesFor('a.b')).ca).toString('base64');
  });
  const problem = (caBundle: string) => webhookProblem({ clientConfig: { ...clientConfig, caBundle } });

  test('accepts certificates of a CA, none, and a newline', () => {
    expect([problem(bundle), problem(`${bundle.slice(0, 64)}\n${bundle.slice(64)}`)]).toEqual([undefined, undefined]);
    expect([problem(''), problem('Cg==')]).toEqual([undefined, undefined]);
  });

  test('refuses certificates that were cut or damaged, for the user to correct', () => {
    expect(problem(bundle.slice(0, -3))).toContain('webhook.clientConfig.caBundle is not base64');
    const damaged = Buffer.from('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----').toString('base64');
    expect(problem(damaged)).toContain('holds a certificate that cannot be read');
    const poll = { url: 'https://a.b', caBundle: damaged };
    expect(webhookProblem({ clientConfig: { ...clientConfig, poll } })).toContain('clientConfig.poll.caBundle holds');
  });
});

test.each(['ftp://a.b', 'a.b', ''])('the URL %j must be corrected by the user, also as a poll URL (H7)', (url) => {
  expect(webhookProblem({ clientConfig: { url } })).toContain('is not an http or https URL');
  expect(webhookProblem({ clientConfig: { ...clientConfig, poll: { url } } })).toContain('clientConfig.poll.url');
});
