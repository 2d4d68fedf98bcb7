import { loadConfig } from '@kuperator/runtime';
import { expect, test } from 'vitest';
import { declaration } from './config.ts';

test('reads the kinds of rules to skip from a list', () => {
  const { skipPodTransitionRules } = loadConfig(declaration, { SKIP_POD_TRANSITION_RULES: 'webhook, labelCheck' }, []);
  expect(skipPodTransitionRules).toEqual(new Set(['webhook', 'labelCheck']));
  expect(loadConfig(declaration, {}, []).skipPodTransitionRules).toEqual(new Set());
});

test('refuses an unknown kind and names it', () => {
  expect(() => loadConfig(declaration, { SKIP_POD_TRANSITION_RULES: 'webhooks' }, [])).toThrow(
    /SKIP_POD_TRANSITION_RULES: "webhooks" is not allowed/,
  );
});

test('reads the networks in which webhooks may be called from a list', () => {
  const networks = (text?: string) =>
    loadConfig(declaration, { WEBHOOK_ALLOWED_NETWORKS: text }, []).webhookAllowedNetworks;
  expect(networks('127.0.0.0/8, ::1/128').check('127.0.0.1')).toBe(true);
  expect(networks().check('127.0.0.1')).toBe(false);
  expect(() => networks('localhost')).toThrow(/WEBHOOK_ALLOWED_NETWORKS: "localhost" is not allowed/);
});
