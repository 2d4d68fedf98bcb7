import { aPod, FakeClock, InMemoryCluster } from '@kuperator/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createLogger } from '../process/logger.ts';
import { createMetrics } from '../process/metrics.ts';
import { leaseNameOf } from '../shards/member-lease.ts';
import { EventRecorder } from './recorder.ts';

const SUBDOMAIN = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const isObjectName = (name = '') => name.length <= 253 && SUBDOMAIN.test(name);

test('the name of an Event is valid wherever the name of its object has a dot or a dash (T106)', async () => {
  const ends = fc.constantFrom('.', '-', '--', '-.', 'a').filter((end) => end !== '-.');
  const names = fc
    .tuple(fc.integer({ min: 190, max: 201 }), ends)
    .map(([length, end]) => `${'a'.repeat(length)}${end}bcd`);
  await fc.assert(
    fc.asyncProperty(names, async (name) => {
      const cluster = new InMemoryCluster();
      const recorder = new EventRecorder({
        client: cluster.client,
        app: 'test',
        instance: 'replica-1',
        logger: createLogger({ app: 'test', level: 'silent' }),
        metrics: createMetrics('test', { processMetrics: false }),
        clock: new FakeClock(),
      });
      recorder.normal(aPod({ metadata: { name } }), 'Drained', 'no traffic');
      await recorder.flush();
      expect(isObjectName(cluster.writes[0]?.name)).toBe(true);
    }),
    { numRuns: 60 },
  );
});

test('the name of a Lease is valid for any identity, and differs for different ones (T106)', () => {
  const identities = fc.array(fc.constantFrom('a', 'B', '7', '-', '.', '_', ' '), { maxLength: 280 });
  const ascii = fc.oneof(
    identities.map((parts) => parts.join('')),
    fc.string(),
  );
  fc.assert(
    fc.property(ascii, ascii, (one, other) => {
      const name = leaseNameOf('collaset-controller', one);
      expect(isObjectName(name)).toBe(true);
      expect(name === leaseNameOf('collaset-controller', other)).toBe(one === other);
    }),
    { numRuns: 500 },
  );
});
