// New Pods, and the readiness gates they are stored with: the same by the chart's policy and by the webhook.

const OURS = { conditionType: 'pod.kusionstack.io/service-ready' };
const THEIRS = { conditionType: 'example.com/warm' };
const CONTROLLED = { 'kusionstack.io/control': 'true' };

export type Gate = { conditionType: string };
export type GateCase = {
  readonly name: string;
  readonly labels?: Record<string, string>;
  /** What the Pod asks for. */
  readonly given?: Gate[];
  readonly gates: Gate[] | undefined;
};

export const GATE_CASES: readonly GateCase[] = [
  { name: 'a controlled Pod without gates gets ours', labels: CONTROLLED, gates: [OURS] },
  { name: 'an empty list of gates too', labels: CONTROLLED, given: [], gates: [OURS] },
  { name: 'other gates stay', labels: CONTROLLED, given: [THEIRS], gates: [THEIRS, OURS] },
  { name: 'ours is not added twice', labels: CONTROLLED, given: [OURS, THEIRS], gates: [OURS, THEIRS] },
  { name: 'T24 a Pod without the control label is left alone', given: [THEIRS], gates: [THEIRS] },
  { name: 'T24 a Pod without labels is left alone', gates: undefined },
  { name: 'T24 only the value "true" counts', labels: { 'kusionstack.io/control': 'True' }, gates: undefined },
];
