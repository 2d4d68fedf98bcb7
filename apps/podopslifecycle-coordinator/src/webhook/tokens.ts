// The API server proves who it is by the path it asks at: only the webhook configurations say it, and only the replicas know it besides.
import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

/** What is asked of the webhook: the last part of its paths. */
export const ROUTES = ['pod-creations', 'pod-deletions', 'pod-evictions'] as const;
export type Route = (typeof ROUTES)[number];

/** The secrets the paths are made of. A new one is known to all replicas before the API server is told of it, and the former goes last. */
export type Tokens = {
  readonly current: string;
  /** Will be the current one. */
  readonly next?: string;
  /** Was the current one. */
  readonly former?: string;
  /** When one of them came or went, ms since the epoch. */
  readonly changedMs: number;
};

const ROTATE_MS = 24 * 3_600_000;
/**
 * How long two are accepted, before the API server is told of the new one and after. Long beside the minute in which each replica looks at
 * the Secret, and beside an API server whose own caches are behind.
 */
const OVERLAP_MS = 3_600_000;

export function newToken(): string {
  return randomBytes(32).toString('hex');
}

export function isToken(text: string): boolean {
  return /^[0-9a-f]{64}$/.test(text);
}

/**
 * The tokens from now on: one step of the rotation where it is time for one. Pure but for the new token.
 * @returns what was given, the very object, when nothing has to change
 */
export function rotated(given: Tokens | undefined, nowMs: number, make = newToken): Tokens {
  if (!given) return { current: make(), changedMs: nowMs };
  const { current, next, former, changedMs } = given;
  const ageMs = nowMs - changedMs;
  // Written by a clock far ahead of ours: by it, nothing would move for as long.
  if (ageMs < -OVERLAP_MS) return { ...given, changedMs: nowMs };
  if (next !== undefined) return ageMs < OVERLAP_MS ? given : { current: next, former: current, changedMs: nowMs };
  if (former !== undefined) return ageMs < OVERLAP_MS ? given : { current, changedMs: nowMs };
  return ageMs < ROTATE_MS ? given : { current, next: make(), changedMs: nowMs };
}

export function acceptedOf({ current, next, former }: Tokens): readonly string[] {
  return [current, next, former].filter((token) => token !== undefined);
}

/**
 * Path of a route, e.g. `/3f…/pod-deletions`. Each has a secret part of its own: while no coordinator answers, the API server shows the
 * path to the user whose request it refuses for that, and one who creates Pods must not learn where to ask for deletions.
 */
export function pathOf(token: string, route: Route): string {
  // The API server takes DNS names only between two slashes.
  return `/${createHmac('sha256', token).update(route).digest('hex')}/${route}`;
}

/** Knows the paths of all tokens that are accepted now. */
export class PathGate {
  #digests: { readonly route: Route; readonly digest: Buffer }[] = [];

  use(tokens: readonly string[]): void {
    this.#digests = ROUTES.flatMap((route) =>
      tokens.map((token) => ({ route, digest: digestOf(pathOf(token, route)) })),
    );
  }

  /** The route of a path with an accepted token; undefined for every other path. Takes the same time for all wrong ones. */
  routeOf(path: string): Route | undefined {
    const asked = digestOf(path);
    let found: Route | undefined;
    for (const { route, digest } of this.#digests) if (timingSafeEqual(digest, asked)) found = route;
    return found;
  }
}

function digestOf(path: string): Buffer {
  return createHash('sha256').update(path).digest();
}
