import { BlockList } from 'node:net';
import { natsConfig } from '@kuperator/events';
import { type ConfigOf, commonConfig, defineConfig, type Field, integer } from '@kuperator/runtime';
import { RULE_KINDS, type RuleKind } from './podtransitionrule/rules.ts';
import { networksOf } from './webhook/address.ts';

const ruleKinds: Field<ReadonlySet<RuleKind>> = {
  meaning: 'kinds of rules to ignore, as if they did not exist',
  allowed: `any of ${RULE_KINDS.join(', ')}, comma separated`,
  fallback: { value: new Set(), shown: '(none)' },
  parse(text) {
    const names = text.split(',').map((name) => name.trim());
    const kinds = names.flatMap((name) => RULE_KINDS.find((kind) => kind === name) ?? []);
    return kinds.length === names.length ? new Set(kinds) : undefined;
  },
};

const networks: Field<BlockList> = {
  meaning: 'networks that webhooks may be called in although they are loopback, link-local or a metadata service',
  allowed: 'networks such as 127.0.0.0/8, comma separated',
  fallback: { value: new BlockList(), shown: '(none)' },
  parse: (text) => networksOf(text.split(',').map((network) => network.trim())),
};

/** Settings of the engine, besides the common ones. */
export const declaration = defineConfig({
  ...commonConfig,
  ...natsConfig,
  batchMs: integer({
    meaning: 'minimum time between two evaluations of one rule object, in milliseconds; the first is immediate',
    min: 0,
    max: 60_000,
    default: 50,
  }),
  resyncSeconds: integer({
    meaning: 'how often every rule object is evaluated even without a change, in seconds',
    min: 10,
    max: 86_400,
    default: 600,
  }),
  skipPodTransitionRules: ruleKinds,
  webhookAllowedNetworks: networks,
  webhookMaxCalls: integer({
    meaning:
      'limit of concurrent questions to webhooks, and separately of concurrent polls; one namespace alone can use half of it, one host or rule object a quarter',
    min: 1,
    max: 1000,
    default: 32,
  }),
  webhookTimeoutSeconds: integer({
    meaning: 'how long one call of a webhook may take, in seconds',
    min: 1,
    max: 300,
    default: 30,
  }),
  webhookMaxResponseKib: integer({
    meaning: 'maximum size of the response of a webhook, in KiB',
    min: 1,
    max: 65_536,
    default: 1024,
  }),
});

export type Config = ConfigOf<typeof declaration>;
