import type { CollaSet } from './collaset.ts';
import type {
  ControllerRevision,
  EndpointSlice,
  KubeObject,
  Lease,
  PersistentVolumeClaim,
  Pod,
  PodTemplate,
  Service,
} from './core.ts';
import { API_GROUP, API_VERSION } from './names.ts';
import type { PodTransitionRule } from './podtransitionrule.ts';
import type { ResourceContext } from './resourcecontext.ts';

/** The names of a kind in the API, from which a client builds paths. `T` is the type of its objects. */
export type Resource<T extends KubeObject = KubeObject> = {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  readonly plural: string;
  readonly namespaced: boolean;
  /** Never set: carries the object type for inference. */
  readonly __object?: T;
};

/** Returns the `apiVersion` of the objects: `v1`, `apps/v1`. */
export function apiVersionOf(resource: Resource): string {
  return resource.group ? `${resource.group}/${resource.version}` : resource.version;
}

const core = (kind: string, plural: string) => ({ group: '', version: 'v1', kind, plural, namespaced: true });
const ours = (kind: string, plural: string) => ({
  group: API_GROUP,
  version: API_VERSION,
  kind,
  plural,
  namespaced: true,
});

/** `pods` of the core API. */
export const PODS: Resource<Pod> = core('Pod', 'pods');
/** `podtemplates` of the core API. */
export const POD_TEMPLATES: Resource<PodTemplate> = core('PodTemplate', 'podtemplates');
/** `services` of the core API. */
export const SERVICES: Resource<Service> = core('Service', 'services');
/** `persistentvolumeclaims` of the core API. */
export const PERSISTENT_VOLUME_CLAIMS: Resource<PersistentVolumeClaim> = core(
  'PersistentVolumeClaim',
  'persistentvolumeclaims',
);
/** `endpointslices` of discovery.k8s.io. */
export const ENDPOINT_SLICES: Resource<EndpointSlice> = {
  group: 'discovery.k8s.io',
  version: 'v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
  namespaced: true,
};
/** `controllerrevisions` of apps. */
export const CONTROLLER_REVISIONS: Resource<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  plural: 'controllerrevisions',
  namespaced: true,
};
/** `leases` of coordination.k8s.io. */
export const LEASES: Resource<Lease> = {
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  namespaced: true,
};
/** `collasets` of our group. */
export const COLLA_SETS: Resource<CollaSet> = ours('CollaSet', 'collasets');
/** `podtransitionrules` of our group. */
export const POD_TRANSITION_RULES: Resource<PodTransitionRule> = ours('PodTransitionRule', 'podtransitionrules');
/** `resourcecontexts` of our group. */
export const RESOURCE_CONTEXTS: Resource<ResourceContext> = ours('ResourceContext', 'resourcecontexts');
