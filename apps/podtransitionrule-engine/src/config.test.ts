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
