import { loadConfig } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { declaration } from './config.ts';

test('kinds of rules to skip are a list', () => {
  const { skipPodTransitionRules } = loadConfig(declaration, { SKIP_POD_TRANSITION_RULES: 'webhook, labelCheck' }, []);
  expect(skipPodTransitionRules).toEqual(new Set(['webhook', 'labelCheck']));
  expect(loadConfig(declaration, {}, []).skipPodTransitionRules).toEqual(new Set());
});

test('a kind that does not exist is refused by name, not left out silently', () => {
  expect(() => loadConfig(declaration, { SKIP_POD_TRANSITION_RULES: 'webhooks' }, [])).toThrow(
    /SKIP_POD_TRANSITION_RULES: "webhooks" is not allowed/,
  );
});

test('networks that webhooks may be called in are a list', () => {
  const networks = (text?: string) =>
    loadConfig(declaration, { WEBHOOK_ALLOWED_NETWORKS: text }, []).webhookAllowedNetworks;
  expect(networks('127.0.0.0/8, ::1/128').check('127.0.0.1')).toBe(true);
  expect(networks().check('127.0.0.1')).toBe(false);
  expect(() => networks('localhost')).toThrow(/WEBHOOK_ALLOWED_NETWORKS: "localhost" is not allowed/);
});
