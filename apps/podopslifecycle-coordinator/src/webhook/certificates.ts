import 'reflect-metadata';
import type { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

/** PEM texts: a CA with its key, and the certificate and key of the server. `ca` may contain older CAs after the present one. */
export type Certificates = {
  readonly caKey: string;
  readonly ca: string;
  readonly key: string;
  readonly certificate: string;
};

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 86_400_000;
const CA_MS = 3650 * DAY_MS;
const SERVER_MS = 365 * DAY_MS;
/** Clocks differ, and a certificate that is not valid yet would be refused. */
const BACKDATED_MS = DAY_MS / 24;

/**
 * Certificates for a server with `names` (DNS names and IP addresses): the given ones if they are valid for at least another third of their
 * life, otherwise new ones. A new CA is followed by the former one, for servers that still use it.
 * @returns the given object itself if nothing has to change
 */
export async function renewed(
  given: Certificates | undefined,
  names: readonly string[],
  nowMs: number,
): Promise<Certificates> {
  const authority = given && (await authorityOf(given, nowMs));
  if (authority && given && serves(given, { authority: authority.certificate, names, nowMs })) return given;
  const { certificate, keys } = authority ?? (await newAuthority(nowMs));
  const server = await newServer({ certificate, keys }, names, nowMs);
  const former = given && !authority ? firstOf(given.ca) : undefined;
  return {
    caKey: authority && given ? given.caKey : await pemOf(keys.privateKey),
    ca:
      authority && given
        ? given.ca
        : [certificate, ...(former ? [former] : [])].map((each) => each.toString('pem')).join('\n'),
    ...server,
  };
}

type Authority = { certificate: x509.X509Certificate; keys: webcrypto.CryptoKeyPair };

/** The given CA, if it can be read and is valid for longer than a certificate that it would sign. */
async function authorityOf({ ca, caKey }: Certificates, nowMs: number): Promise<Authority | undefined> {
  try {
    const certificate = firstOf(ca);
    if (!certificate || certificate.notAfter.getTime() - nowMs < 2 * SERVER_MS) return undefined;
    const raw = x509.PemConverter.decodeFirst(caKey);
    const privateKey = await crypto.subtle.importKey('pkcs8', raw, ALGORITHM, true, ['sign']);
    const publicKey = await certificate.publicKey.export(ALGORITHM, ['verify']);
    return { certificate, keys: { privateKey, publicKey } };
  } catch {
    // The text is not a usable CA, whoever wrote it.
    return undefined;
  }
}

/** Whether a server with `names` can use the given certificate for long enough. */
function serves(
  given: Certificates,
  { authority, names, nowMs }: { authority: x509.X509Certificate; names: readonly string[]; nowMs: number },
): boolean {
  try {
    const certificate = new x509.X509Certificate(given.certificate);
    const remainingMs = certificate.notAfter.getTime() - nowMs;
    const has = new Set(
      certificate.getExtension(x509.SubjectAlternativeNameExtension)?.names.items.map(({ value }) => value),
    );
    return (
      remainingMs > SERVER_MS / 3 &&
      certificate.issuer === authority.subject &&
      names.every((name) => has.has(name)) &&
      given.key.includes('PRIVATE KEY')
    );
  } catch {
    return false;
  }
}

async function newAuthority(nowMs: number): Promise<Authority> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    // The time in the name distinguishes the CAs in one trust bundle.
    name: `CN=kuperator-webhook-ca-${Math.floor(nowMs / 1000)}`,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + CA_MS),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { certificate, keys };
}

async function newServer(
  { certificate: authority, keys: authorityKeys }: Authority,
  names: readonly string[],
  nowMs: number,
): Promise<Pick<Certificates, 'key' | 'certificate'>> {
  const keys = await crypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.create({
    subject: 'CN=kuperator-webhook',
    issuer: authority.subject,
    notBefore: new Date(nowMs - BACKDATED_MS),
    notAfter: new Date(nowMs + SERVER_MS),
    publicKey: keys.publicKey,
    signingKey: authorityKeys.privateKey,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth]),
      new x509.SubjectAlternativeNameExtension(
        names.map((value) => ({ type: /^[\d.]+$|:/.test(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
      await x509.AuthorityKeyIdentifierExtension.create(authority),
    ],
  });
  return { key: await pemOf(keys.privateKey), certificate: certificate.toString('pem') };
}

function firstOf(pem: string): x509.X509Certificate | undefined {
  try {
    return new x509.X509Certificate(x509.PemConverter.decodeFirst(pem));
  } catch {
    return undefined;
  }
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  return x509.PemConverter.encode(await crypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY');
}
