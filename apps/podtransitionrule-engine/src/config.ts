import { type ConfigOf, commonConfig, defineConfig, type Field, integer } from '@kuperator/runtime';
import { RULE_KINDS, type RuleKind } from './podtransitionrule/rules.ts';

const ruleKinds: Field<ReadonlySet<RuleKind>> = {
  meaning: 'kinds of rules that are taken as if they were not there',
  allowed: `any of ${RULE_KINDS.join(', ')}, comma separated`,
  fallback: { value: new Set(), shown: '(none)' },
  parse(text) {
    const names = text.split(',').map((name) => name.trim());
    const kinds = names.flatMap((name) => RULE_KINDS.find((kind) => kind === name) ?? []);
    return kinds.length === names.length ? new Set(kinds) : undefined;
  },
};

/** Settings of the engine, besides the common ones. */
export const declaration = defineConfig({
  ...commonConfig,
  batchMs: integer({
    meaning: 'least time between two evaluations of one rule object, in milliseconds; the first is immediate',
    min: 0,
    max: 60_000,
    default: 50,
  }),
  resyncSeconds: integer({
    meaning: 'every rule object is evaluated again this often, in seconds, should a change ever be missed',
    min: 10,
    max: 86_400,
    default: 600,
  }),
  skipPodTransitionRules: ruleKinds,
});

export type Config = ConfigOf<typeof declaration>;
