import { collaSetKind } from './collaset.ts';
import type { KindDeclaration } from './kind.ts';
import { operationJobKind } from './operationjob.ts';
import { podDecorationKind } from './poddecoration.ts';
import { podTransitionRuleKind } from './podtransitionrule.ts';
import { resourceContextKind } from './resourcecontext.ts';

/** Every kind of ours. */
export const KINDS: readonly KindDeclaration[] = [
  collaSetKind,
  operationJobKind,
  podDecorationKind,
  podTransitionRuleKind,
  resourceContextKind,
];
