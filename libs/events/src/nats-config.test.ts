import { ConfigError, defineConfig, loadConfig } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { natsConfig } from './nats-config.ts';

const declaration = defineConfig(natsConfig);

test('every setting has a default, and with the defaults no event is sent', () => {
  const config = loadConfig(declaration, {}, []);
  expect(config).toMatchObject({ clusterName: 'default', natsUrl: '', natsStreamReplicas: 0 });
});

test('an operator reads the settings from its environment', () => {
  const env = { NATS_URL: 'nats://a:4222', NATS_TOKEN: 's3cret', NATS_STREAM_MAX_AGE_HOURS: '48' };
  expect(loadConfig(declaration, env, [])).toMatchObject({
    natsUrl: 'nats://a:4222',
    natsToken: 's3cret',
    natsStreamMaxAgeHours: 48,
  });
});

test.each([
  { value: '6', why: 'more than the maximum' },
  { value: '-1', why: 'negative' },
  { value: 'two', why: 'no number' },
])('refuses $value stream replicas: $why', ({ value }) => {
  const load = () => loadConfig(declaration, { NATS_STREAM_REPLICAS: value }, []);
  expect(load).toThrow(ConfigError);
  expect(load).toThrow(`NATS_STREAM_REPLICAS: "${value}" is not allowed; allowed: whole number 0–5`);
});
