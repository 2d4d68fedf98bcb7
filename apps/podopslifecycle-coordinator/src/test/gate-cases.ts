// New Pods, and the readiness gates that they are stored with. The chart's policy and the webhook give the same result.

const OURS = { conditionType: 'pod.kusionstack.io/service-ready' };
const THEIRS = { conditionType: 'example.com/warm' };
const CONTROLLED = { 'kusionstack.io/control': 'true' };

export type Gate = { conditionType: string };
export type GateCase = {
  readonly name: string;
  readonly labels?: Record<string, string>;
  /** The readiness gates in the request. */
  readonly given?: Gate[];
  readonly gates: Gate[] | undefined;
};

export const GATE_CASES: readonly GateCase[] = [
  { name: 'a controlled Pod without gates gets the gate', labels: CONTROLLED, gates: [OURS] },
  { name: 'a controlled Pod with an empty list of gates gets the gate', labels: CONTROLLED, given: [], gates: [OURS] },
  { name: 'other gates are kept', labels: CONTROLLED, given: [THEIRS], gates: [THEIRS, OURS] },
  { name: 'the gate is not added twice', labels: CONTROLLED, given: [OURS, THEIRS], gates: [OURS, THEIRS] },
  { name: 'a Pod without the control label is left alone (T24)', given: [THEIRS], gates: [THEIRS] },
  { name: 'a Pod without labels is left alone (T24)', gates: undefined },
  {
    name: 'a Pod with another value than "true" is left alone (T24)',
    labels: { 'kusionstack.io/control': 'True' },
    gates: undefined,
  },
];
