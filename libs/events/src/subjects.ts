/** First tokens of every subject: product and major version of the event contract. */
export const SUBJECT_PREFIX = 'kuperator.v1';

/** The parts of a subject. `event` keeps its dots (`operation.permitted`); the other parts are one token each. */
type SubjectParts = { cluster: string; namespace: string; kind: string; name: string; event: string };

/** Selects events. A missing part, or `*`, matches every value; `event` may end in `*` or `>` (`operation.*`). */
export type EventFilter = {
  kind?: string | undefined;
  event?: string | undefined;
  namespace?: string | undefined;
  name?: string | undefined;
};

/**
 * `kuperator.v1.<cluster>.<namespace>.<kind>.<name>.<event>`, dots inside a part written `_`.
 * @throws RangeError when a part could not be read back: empty, or with characters no Kubernetes name has
 */
export function subjectFor({ cluster, namespace, kind, name, event }: SubjectParts): string {
  const parts = [tokenFor(cluster), tokenFor(namespace), tokenFor(kind), tokenFor(name)];
  if (!EVENT_NAME.test(event))
    throw new RangeError(`event name ${JSON.stringify(event)} is not lower-case words and dots`);
  return `${SUBJECT_PREFIX}.${parts.join('.')}.${event}`;
}

/** The reverse of {@link subjectFor}; undefined for a subject that is not one of ours. */
export function parseSubject(subject: string): SubjectParts | undefined {
  const [product, version, cluster, namespace, kind, name, ...event] = subject.split('.');
  if (`${product}.${version}` !== SUBJECT_PREFIX) return undefined;
  if (!cluster || !namespace || !kind || !name || event.length === 0 || event.includes('')) return undefined;
  return {
    cluster: textOf(cluster),
    namespace: textOf(namespace),
    kind: textOf(kind),
    name: textOf(name),
    event: event.join('.'),
  };
}

/** The NATS subject with wildcards that `filter` asks for in one cluster (`*` for all clusters). */
export function subjectFilterFor(cluster: string, filter: EventFilter): string {
  const token = (text: string | undefined) => (text === undefined || text === '*' ? '*' : tokenFor(text));
  const parts = [token(cluster), token(filter.namespace), token(filter.kind), token(filter.name)];
  const event = filter.event === undefined || filter.event === '*' ? '>' : filter.event;
  if (!EVENT_FILTER.test(event))
    throw new RangeError(`event filter ${JSON.stringify(event)} is not words, dots, * or >`);
  return `${SUBJECT_PREFIX}.${parts.join('.')}.${event}`;
}

const EVENT_NAME = /^[a-z-]+(\.[a-z-]+)*$/;
const EVENT_FILTER = /^(?:>|(?:[a-z-]+|\*)(?:\.(?:[a-z-]+|\*))*(?:\.>)?)$/;
// The characters that Kubernetes allows in these names. `_` is not one of them, so it can replace the dot.
const NAME = /^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i;

function tokenFor(text: string): string {
  if (!NAME.test(text))
    throw new RangeError(`${JSON.stringify(text)} cannot stand in a subject: not a Kubernetes name`);
  return text.replaceAll('.', '_');
}

function textOf(token: string): string {
  return token.replaceAll('_', '.');
}
