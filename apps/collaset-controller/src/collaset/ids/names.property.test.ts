import { isDnsLabel } from '@kuperator/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { aSet } from '../../test/builders.ts';
import { claimFor } from '../claims/claims.ts';
import { contextFor } from '../plan/context.ts';
import { revisionFor } from '../revision/revision.ts';
import { revisionDataOf, revisionOf } from '../revision/revision-data.ts';
import { dryRunNameFor, generateNameFor, originLabelFor, podNameFor } from './pod-name.ts';
import { podFor } from './pod-template.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const LABEL_VALUE = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
const isObjectName = (name = '') => name.length <= 253 && SUBDOMAIN.test(name);

/** Names that an object may have, with many dots and dashes, because names are truncated at any character. */
const objectNames = fc
  .array(fc.constantFrom('a', '7', '-', '-', '.', '.-'), { minLength: 1, maxLength: 300 })
  .map((parts) => {
    const label = (text: string) => text.replace(/^-+|-+$/g, '');
    const labels = parts.join('').split('.').map(label);
    return labels
      .filter((text) => text !== '')
      .join('.')
      .slice(0, 253)
      .replace(/[-.]+$/, '');
  })
  .filter((name) => name !== '');
const longNames = fc
  .integer({ min: 40, max: 253 })
  .chain((length) =>
    fc.constantFrom('.b', '-b', '--b', '-b.c', '').map((end) => `${'a'.repeat(length - end.length)}${end}`),
  );
const names = fc.oneof(objectNames, longNames);
const ids = fc.integer({ min: 0, max: 2 ** 31 - 1 });

const setNamed = (name: string, podNamingSuffixPolicy = 'Random') =>
  aSet(
    { namingStrategy: { podNamingSuffixPolicy: podNamingSuffixPolicy as 'Random' } },
    { metadata: { name, uid: `${name.length}-uid` } },
  );

test.each([
  ['the 57th character is a dot', `${'a'.repeat(56)}.bcd`],
  ['the 54th character is a dash', `${'a'.repeat(53)}-bcdefgh`],
])('makes legal names for a set where %s (T106)', (_, name) => {
  expect(podNameFor(setNamed(name), 0, 0)).toMatch(SUBDOMAIN);
  expect(dryRunNameFor(setNamed(name))).toMatch(SUBDOMAIN);
});

test('makes legal names from every legal name of a set (T106)', () => {
  fc.assert(
    fc.property(names, ids, fc.integer({ min: 0, max: 99 }), (name, id, incarnation) => {
      const set = setNamed(name);
      const podName = podNameFor(set, id, incarnation);
      expect(podName.length).toBeLessThanOrEqual(63);
      expect(podName).toMatch(SUBDOMAIN);
      expect(isObjectName(dryRunNameFor(set))).toBe(true);
      expect(isObjectName(contextFor(set, []).metadata.name)).toBe(true);
      const revision = revisionFor(set, 0, 1).metadata.name ?? '';
      expect(isObjectName(revision)).toBe(true);
      expect(revision).toMatch(LABEL_VALUE);
      expect(revision.length).toBeLessThanOrEqual(63);
      expect(revision).not.toBe('');
      // Before its check, the API server replaces a trailing dash by a letter.
      expect(isObjectName(generateNameFor(set).replace(/.-$/, 'a'))).toBe(true);
    }),
    { numRuns: 500 },
  );
});

test('makes legal claim names for every name of a template (T106)', () => {
  const templates = fc.stringMatching(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
  fc.assert(
    fc.property(names, templates, ids, (name, template, id) => {
      const claim = claimFor(setNamed(name), { id, template: { metadata: { name: template }, spec: {} }, attempt: 0 });
      expect(isObjectName(claim.metadata.name)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('makes legal hostnames with sequence names, even for sets that are older than the rule which refuses their name (T106)', () => {
  fc.assert(
    fc.property(names, ids, (name, id) => {
      const set = setNamed(name, 'PersistentSequence');
      const revision = revisionOf('r', revisionDataOf(set));
      const pod = podFor(set, { id, name: podNameFor(set, id, 0), revision, isNew: true, volumes: [], nanos: '1' });
      expect(pod.spec.hostname === undefined || isDnsLabel(pod.spec.hostname)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

test('makes a legal label value for the origin of a replacement, which differs for different Pods (T106)', () => {
  fc.assert(
    fc.property(names, names, (one, other) => {
      expect(originLabelFor(one)).toMatch(LABEL_VALUE);
      expect(originLabelFor(one).length).toBeLessThanOrEqual(63);
      expect(originLabelFor(one) === originLabelFor(other)).toBe(one === other);
    }),
    { numRuns: 300 },
  );
});
